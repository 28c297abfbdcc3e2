//! One frame as text, for pipes, for continuous integration, and for tests.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::time::{Instant, sleep};

use super::inside::PANELS;
use super::screen;
use super::seat::Seat;
use super::source::{Source, has_panel};
use super::view::{View, Watch};

/// Rows of the frame.
const HEIGHT: u16 = 40;

/// Reads twice, this time apart, and returns the frame.
pub(super) async fn frame(source: &Source, mut seat: Seat, every: Duration, width: u16) -> Result<String, String> {
    let start = Instant::now();
    let mut watch = Watch::default();
    watch.take(source.reading(start.elapsed()).await?);
    sleep(every).await;
    watch.take(source.reading(start.elapsed()).await?);
    // The panel that is asked for may be unknown to the service, which its answer says.
    seat.has_questions = true;
    if let Some(question) = seat.panel.question() {
        let answer = source.table(question).await;
        if !has_panel(seat.panel, &answer) {
            return Err("it answers no questions about its live state (POST /debug/query)".to_owned());
        }
        watch.answer(seat.panel, answer);
    } else if let Some(question) = PANELS[3].question() {
        seat.has_questions = has_panel(PANELS[3], &source.table(question).await);
    }
    let frame = text(&seat, &watch.view(start.elapsed(), seat.order), width, HEIGHT);
    Ok(without_keys(&frame))
}

/// The frame of a view, without the blanks at the ends of its lines and without empty lines at its end.
pub(super) fn text(seat: &Seat, view: &View, width: u16, height: u16) -> String {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(width, height));
    let Ok(_) = terminal.draw(|frame| screen::draw(frame, seat, view));
    let buffer = terminal.backend().buffer();
    let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    let lines: Vec<String> = (0..height).map(line).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

/// The frame without its last line, which has the keys of a terminal, and without what is empty above it.
fn without_keys(frame: &str) -> String {
    let above = frame.trim_end().rsplit_once('\n').map_or(frame, |(above, _)| above);
    format!("{}\n", above.trim_end())
}

#[cfg(test)]
mod tests {
    use super::super::exposition::Exposition;
    use super::super::inside::{Panel, Table};
    use super::super::levers::{Form, LEVERS};
    use super::super::reading::Reading;
    use super::*;

    /// A service with two routes, one of which fails and is slow, after ten seconds.
    fn watch() -> Watch {
        let mut watch = Watch::default();
        for (second, good, bad) in [(0_u64, 0_u64, 0_u64), (5, 700, 10), (10, 1_500, 30)] {
            let text = format!(
                "target_info{{service_name=\"ledger\",service_version=\"0.1.0\"}} 1\n\
                 http_server_requests_total{{http_route=\"/accounts/{{id}}\",http_request_method=\"GET\",http_response_status_code=\"2xx\"}} {good}\n\
                 http_server_requests_total{{http_route=\"/payouts\",http_request_method=\"POST\",http_response_status_code=\"5xx\"}} {bad}\n\
                 http_server_request_duration_seconds_bucket{{http_route=\"/accounts/{{id}}\",http_request_method=\"GET\",le=\"0.002\"}} {good}\n\
                 http_server_request_duration_seconds_bucket{{http_route=\"/accounts/{{id}}\",http_request_method=\"GET\",le=\"+Inf\"}} {good}\n\
                 http_server_request_duration_seconds_bucket{{http_route=\"/payouts\",http_request_method=\"POST\",le=\"4\"}} 0\n\
                 http_server_request_duration_seconds_bucket{{http_route=\"/payouts\",http_request_method=\"POST\",le=\"+Inf\"}} {bad}\n\
                 http_server_active_requests 3\nsaturation_ratio{{resource=\"requests\"}} 0.75\nsaturation_ratio{{resource=\"processors\"}} 0.95\n\
                 process_cpu_seconds_total {}\nprocess_resident_memory_bytes 41328640\nprocess_open_fds 28\nprocess_max_fds 1024\n\
                 process_uptime_seconds {}\nhttp_listener_connections 2\nhttp_listener_connections_limit 1000\n",
                second as f64 * 0.4,
                93_784 + second,
            );
            watch.take(Reading::of(&Exposition::parse(&text), Duration::from_secs(second), 0.0));
        }
        watch
    }

    fn seat(panel: Panel) -> Seat {
        let (target, author) = ("http://127.0.0.1:8081".to_owned(), "ada".to_owned());
        Seat { target, panel, author, has_questions: true, ..Seat::default() }
    }

    fn shown(seat: &Seat, watch: &Watch, seconds: u64, width: u16, height: u16) -> String {
        text(seat, &watch.view(Duration::from_secs(seconds), seat.order), width, height)
    }

    #[test]
    fn a_wide_screen_has_saturation_beside_the_routes() {
        insta::assert_snapshot!(shown(&seat(Panel::Routes), &watch(), 10, 120, 20));
    }

    #[test]
    fn a_narrow_screen_has_the_fullest_resources_below_the_routes() {
        insta::assert_snapshot!(shown(&seat(Panel::Routes), &watch(), 10, 60, 16));
    }

    #[test]
    fn a_service_that_answers_nothing_any_more_is_shown_with_its_last_numbers() {
        let mut watch = watch();
        watch.fail(Duration::from_secs(12), "no connection: Connection refused (os error 111)".to_owned());
        insta::assert_snapshot!(shown(&seat(Panel::Routes), &watch, 75, 100, 14));
    }

    #[test]
    fn a_service_without_questions_shows_only_its_routes() {
        let seat = Seat { has_questions: false, ..seat(Panel::Routes) };
        insta::assert_snapshot!(shown(&seat, &watch(), 10, 80, 14));
    }

    #[test]
    fn a_panel_is_the_table_of_its_answer() {
        let mut watch = watch();
        let text = |text: &str| text.to_owned();
        let columns = ["name", "breaker", "operator", "failing"].map(text).to_vec();
        let rows = [["rail", "open", "", "0.500"], ["mail", "closed", "closed", "0"]].map(|row| row.map(text).to_vec());
        watch.answer(Panel::Calls, Ok(Table { columns, rows: rows.to_vec() }));
        insta::assert_snapshot!(shown(&seat(Panel::Calls), &watch, 10, 80, 14));
    }

    #[test]
    fn the_form_of_a_change_that_cannot_be_undone_asks_for_its_target_twice() {
        let lever = *LEVERS.iter().find(|lever| lever.confirm).unwrap();
        let mut seat = Seat { form: Some(Form::new(lever)), ..seat(Panel::Levers) };
        seat.form.as_mut().unwrap().fields[0].1 = "17".to_owned();
        insta::assert_snapshot!(shown(&seat, &watch(), 10, 80, 16));
    }

    #[test]
    fn the_list_of_changes_names_their_author() {
        insta::assert_snapshot!(shown(&seat(Panel::Levers), &watch(), 10, 100, 28));
    }

    #[test]
    fn a_frame_as_text_ends_with_its_content() {
        let frame = without_keys(&shown(&seat(Panel::Routes), &watch(), 10, 80, 40));
        assert!(
            frame.ends_with("descriptors                                                      ........ 2.7 %\n"),
            "{frame}"
        );
        assert!(!frame.contains("quit"), "{frame}");
    }

    #[test]
    fn on_a_low_screen_the_chosen_lever_and_the_outcome_are_in_sight() {
        let lever = LEVERS.len() - 1;
        let seat = Seat { lever, outcome: Some("done (status 204)".to_owned()), ..seat(Panel::Levers) };
        let frame = shown(&seat, &watch(), 10, 80, 14);
        assert!(frame.contains(LEVERS[lever].title) && frame.contains("done (status 204)"), "{frame}");
    }

    #[test]
    fn no_screen_is_too_small_and_no_name_too_long() {
        let mut watch = watch();
        let long = format!("http_requests_total{{route=\"/{}\",code=\"200\"}} 5\n", "é".repeat(500));
        watch.take(Reading::of(&Exposition::parse(&long), Duration::from_secs(12), 0.0));
        for panel in PANELS {
            for (width, height) in [(1, 1), (3, 2), (20, 5), (60, 8), (300, 100)] {
                shown(&seat(panel), &watch, 12, width, height);
            }
        }
    }
}
