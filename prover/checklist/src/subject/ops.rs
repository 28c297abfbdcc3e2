//! `[ops]` of `keel.toml`: the files by which the service is operated.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use keel_input::diagnostics::Reading;
use keel_input::template;

use super::values::folder;

/// The files by which a service is operated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ops {
    /// Their folder.
    pub folder: PathBuf,
    /// Rule files of Prometheus, relative to the folder.
    pub rules: Vec<PathBuf>,
    /// Dashboards of Grafana, relative to the folder.
    pub dashboards: Vec<PathBuf>,
    /// Manifests for automatic scaling, relative to the folder.
    pub autoscale: Vec<PathBuf>,
    /// Folder of the playbooks, relative to the folder.
    pub playbooks: Option<PathBuf>,
    /// Command that fails when the files in `{folder}` differ from what the code generates.
    pub check: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpsTable {
    /// Folder of the files.
    /// Required.
    /// Example: `folder = "src"`
    folder: Spanned<PathBuf>,
    /// Rule files of Prometheus in it.
    /// Default: none.
    /// Example: `rules = ["rules.yml"]`
    #[serde(default)]
    rules: Vec<PathBuf>,
    /// Dashboards of Grafana in it, as JSON.
    /// Default: none.
    /// Example: `dashboards = ["dashboard.json"]`
    #[serde(default)]
    dashboards: Vec<PathBuf>,
    /// Manifests for automatic scaling in it: HorizontalPodAutoscaler, or ScaledObject of KEDA.
    /// Default: none.
    /// Example: `autoscale = ["autoscale-hpa.yml"]`
    #[serde(default)]
    autoscale: Vec<PathBuf>,
    /// Folder in it with a playbook for each alert.
    /// Default: links are not followed.
    /// Example: `playbooks = "playbooks"`
    playbooks: Option<PathBuf>,
    /// Command, run in `workdir`, that fails when the files in `{folder}` are not those that the code generates.
    /// Default: not examined.
    /// Example: `check = "target/release/orders observe --out {folder} --check"`
    check: Option<Spanned<String>>,
}

/// Reads the table; its paths are relative to `base`.
pub(super) fn read(reading: &mut Reading<'_>, table: OpsTable, base: &Path) -> Option<Ops> {
    let whole = base.join(table.folder.get_ref());
    let known = reading.kept(&table.folder.span(), folder(&whole).map_err(|what| format!("`folder`: {what}")));
    let check = table.check.map(|check| {
        let span = check.span();
        let text = check.into_inner();
        for name in template::unknown(&text, |name| name == "folder") {
            reading.wrong(&span, format!("`check`: nothing fills {{{name}}}; known here: {{folder}}"));
        }
        if !text.contains("{folder}") {
            reading.wrong(
                &span,
                "`check` has no {folder}: keel also runs it on a changed copy, to see that it fails there",
            );
        }
        text
    });
    known?;
    let (rules, dashboards, autoscale, playbooks) = (table.rules, table.dashboards, table.autoscale, table.playbooks);
    Some(Ops { folder: whole, rules, dashboards, autoscale, playbooks, check })
}
