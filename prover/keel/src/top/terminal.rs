//! The loop over keys, answers and signals. The network is asked by tasks, so that a service that hangs holds up no key.

use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::inside::{Panel, Table};
use super::reading::Reading;
use super::screen;
use super::seat::{Act, Seat};
use super::source::{Source, has_panel};
use super::view::Watch;
use crate::interrupt::Interrupt;

/// Keys and answers that wait to be shown.
const WAITING: usize = 16;
/// For how long the thread of keys waits before it looks whether the loop is still there.
const GLANCE: Duration = Duration::from_millis(200);

enum News {
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    Read(Duration, Result<Box<Reading>, String>),
    Answered(Panel, Result<Table, String>),
    Changed(String),
}

/// Shows the service until the operator leaves.
pub(super) async fn run(
    source: Source,
    mut seat: Seat,
    every: Duration,
    terminal: &mut DefaultTerminal,
) -> Result<(), String> {
    let mut interrupt = Interrupt::new().map_err(|error| format!("cannot listen to signals: {error}"))?;
    let (news, mut waiting): (Sender<News>, Receiver<News>) = channel(WAITING);
    read_keys(news.clone());
    let start = Instant::now();
    let mut watch = Watch::default();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reading = false;
    loop {
        let view = watch.view(start.elapsed(), seat.order);
        terminal.draw(|frame| screen::draw(frame, &seat, &view)).map_err(|error| format!("cannot draw: {error}"))?;
        let what = tokio::select! {
            () = interrupt.first() => return Ok(()),
            what = waiting.recv() => what,
            _ = ticks.tick() => {
                if !seat.paused && !reading {
                    reading = true;
                    tokio::spawn(read(source.clone(), seat.panel, start, news.clone()));
                }
                None
            }
        };
        match what {
            None | Some(News::Resized) => {}
            Some(News::Key(key)) => match seat.press(key) {
                Act::Nothing => {}
                Act::Quit => return Ok(()),
                Act::Read => ticks.reset_immediately(),
                Act::Send => send(&source, &mut seat, &news),
            },
            Some(News::Read(_, Ok(taken))) => {
                reading = false;
                watch.take(*taken);
            }
            Some(News::Read(at, Err(problem))) => {
                reading = false;
                watch.fail(at, problem);
            }
            Some(News::Answered(panel, answer)) => {
                seat.has_questions = has_panel(panel, &answer);
                if panel == Panel::Calls
                    && let Ok(table) = &answer
                {
                    seat.targets = table.column("name").into_iter().map(str::to_owned).collect();
                }
                watch.answer(panel, answer);
            }
            Some(News::Changed(outcome)) => {
                seat.outcome = Some(outcome);
                ticks.reset_immediately();
            }
        }
    }
}

/// Reads the metrics, and what the panel shows beside them. The calls are asked for at each time: their names are the targets of levers,
/// and whether they are answered tells whether the service has panels.
async fn read(source: Source, panel: Panel, start: Instant, news: Sender<News>) {
    let panels = if panel == Panel::Calls { vec![Panel::Calls] } else { vec![Panel::Calls, panel] };
    let metrics = source.reading(start.elapsed()).await;
    let is_there = metrics.is_ok();
    for panel in panels.into_iter().filter(|_| is_there) {
        let Some(question) = panel.question() else { continue };
        let answer = source.table(question).await;
        // A loop that has ended reads nothing more.
        let _ = news.send(News::Answered(panel, answer)).await;
    }
    let _ = news.send(News::Read(start.elapsed(), metrics.map(Box::new))).await;
}

fn send(source: &Source, seat: &mut Seat, news: &Sender<News>) {
    let Some(form) = &seat.form else { return };
    match form.request(&seat.author, source.token()) {
        Err(problem) => seat.outcome = Some(problem),
        Ok(request) => {
            seat.outcome = Some(format!("{} ...", form.lever.title));
            seat.form = None;
            let (source, news) = (source.clone(), news.clone());
            tokio::spawn(async move {
                let outcome = source.change(request).await;
                let _ = news.send(News::Changed(outcome)).await;
            });
        }
    }
}

/// Keys come by a blocking read, in a thread of its own that ends soon after the loop.
fn read_keys(news: Sender<News>) {
    std::thread::spawn(move || {
        while !news.is_closed() {
            let what = match event::poll(GLANCE).and_then(|there| there.then(event::read).transpose()) {
                Ok(None) => continue,
                Ok(Some(Event::Key(key))) if key.kind != KeyEventKind::Release => News::Key(key),
                Ok(Some(Event::Resize(..))) => News::Resized,
                Ok(Some(_)) => continue,
                // The terminal has gone.
                Err(_) => return,
            };
            if news.blocking_send(what).is_err() {
                return;
            }
        }
    });
}
