//! The settings of the running service. Secrets are left out before they come here.

use maud::html;

use super::about::About;
use super::section::Section;

pub(super) fn sections(about: &About) -> Vec<Section> {
    let build = html! {
        table.pairs { tbody {
            @for (name, value) in [
                ("name", about.name), ("version", about.version), ("commit", about.commit), ("host", about.host.as_str())
            ] {
                tr { th scope="row" { (name) } td { (value) } }
            }
        } }
    };
    let settings = html! {
        table {
            thead { tr { @for head in ["setting", "value", "from", "meaning"] { th scope="col" { (head) } } } }
            tbody {
                @for setting in about.settings.iter() {
                    tr {
                        th scope="row" { code { (setting.name) } }
                        td { @if setting.value.is_empty() { span.soft { "not set" } } @else { code { (setting.value) } } }
                        td { @if setting.source == "default" { span.soft { (setting.source) } } @else { (setting.source) } }
                        td.help { (setting.help) }
                    }
                }
            }
        }
    };
    vec![Section::new("build", "Build", &build), Section::new("settings", "Settings", &settings)]
}
