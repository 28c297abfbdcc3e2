//! The screen: a frame from the view and from what the operator has chosen. It reads no clock and no network.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row as TableRow, Sparkline, Table as TableWidget};

use super::inside::{PANELS, Panel, Table};
use super::levers::LEVERS;
use super::quantile::Quantile;
use super::seat::Seat;
use super::view::{Row, View};

/// Columns below which the saturation goes below the routes, and rarer columns are left out.
const WIDE: u16 = 100;
/// Saturations of a narrow or low screen.
const FEW: usize = 3;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, seat: &Seat, view: &View) {
    let wide = frame.area().width >= WIDE;
    let [title, numbers, process, history, tabs, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title_line(seat, view), title);
    frame.render_widget(numbers_line(view), numbers);
    frame.render_widget(process_line(view), process);
    // Tenths, so that slow services show a line too.
    let fit = view.rates.len().saturating_sub(usize::from(history.width));
    let rates = view.rates[fit..].iter().map(|rate| (rate * 10.0).round().max(0.0) as u64);
    frame.render_widget(Sparkline::default().data(rates.collect::<Vec<_>>()).style(Color::Cyan), history);
    frame.render_widget(tab_line(seat), tabs);
    match (seat.panel, &seat.form) {
        (Panel::Levers, Some(_)) => form(frame, body, seat),
        (Panel::Levers, None) => levers(frame, body, seat),
        (Panel::Routes, _) => overview(frame, body, seat, view, wide),
        (panel, _) => inside(frame, body, seat, view.tables.get(&panel)),
    }
    frame.render_widget(foot_line(seat, view), foot);
}

fn title_line(seat: &Seat, view: &View) -> Line<'static> {
    let mut spans = vec![" keel top ".reversed(), format!(" {}", seat.target).bold()];
    if let Some(service) = &view.service {
        spans.push(format!("  {}", super::inside::plain(service)).into());
    }
    if let Some(uptime) = view.uptime {
        spans.push(format!("  up {}", age(uptime)).into());
    }
    if view.restarts > 0 {
        spans.push(format!("  restarted {}x", view.restarts).yellow());
    }
    if seat.paused {
        spans.push("  PAUSED".yellow());
    }
    Line::from(spans)
}

fn numbers_line(view: &View) -> Line<'static> {
    if let Some((since, why)) = &view.problem {
        let gone = format!(" no answer for {}: {why}; what follows is older", age(since.as_secs_f64()));
        return Line::styled(gone, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
    }
    let Some(window) = view.window else { return Line::raw(" waiting for a second reading") };
    if !view.has_requests {
        return Line::raw(" these metrics count no requests");
    }
    let total = &view.total;
    let errors = format!("errors {}", percent(total.errors));
    let mut spans = vec![
        format!(" {}", rate(total.rate)).bold(),
        "  ".into(),
        if total.errors > 0.0 { errors.red() } else { errors.into() },
        format!("  p50 {}  p99 {}", duration(total.p50), duration(total.p99)).into(),
    ];
    if let Some(active) = view.active {
        spans.push(format!("  in flight {active}").into());
    }
    spans.push(format!("  over {window:.0} s").dim());
    Line::from(spans)
}

fn process_line(view: &View) -> Line<'static> {
    let mut parts = Vec::new();
    parts.extend(view.cpu.map(|cpu| format!("cpu {:.0} %", cpu * 100.0)));
    parts.extend(view.memory.map(|bytes| format!("memory {}", size(bytes))));
    parts.extend(view.descriptors.map(|count| format!("descriptors {count}")));
    parts.extend(view.threads.map(|count| format!("threads {count}")));
    parts.push(format!("series {}", view.series));
    if view.left_out > 0 {
        parts.push(format!("{} left out", view.left_out));
    }
    Line::from(vec![" ".into(), parts.join("  ").into()])
}

fn tab_line(seat: &Seat) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    for (number, panel) in PANELS.into_iter().enumerate().filter(|(_, panel)| seat.has(*panel)) {
        let text = format!(" {} {}", number + 1, panel.title());
        spans.push(if panel == seat.panel { text.reversed() } else { text.into() });
    }
    Line::from(spans)
}

fn foot_line(seat: &Seat, view: &View) -> Line<'static> {
    let keys = match (&seat.form, seat.panel) {
        (Some(_), _) => "Enter next field, at the last one: send   Up Down field   Esc back",
        (None, Panel::Levers) => "q quit   1-6 panel   Up Down choose   Enter fill in",
        (None, Panel::Routes) => "q quit   1-6 panel   s order   Up Down scroll   Space pause",
        (None, _) => "q quit   1-6 panel   Up Down scroll   Space pause",
    };
    let keys = if seat.has(Panel::Events) { keys.to_owned() } else { keys.replace("   1-6 panel", "") };
    let mut spans = vec![format!(" {keys}").dim()];
    if seat.panel == Panel::Routes && view.has_requests {
        spans.push(format!("   by {}", seat.order.name()).dim());
    }
    Line::from(spans)
}

fn overview(frame: &mut Frame<'_>, area: Rect, seat: &Seat, view: &View, wide: bool) {
    let full: Vec<_> = view.saturations.iter().collect();
    if wide {
        let [left, _, right] =
            Layout::horizontal([Constraint::Min(60), Constraint::Length(2), Constraint::Length(38)]).areas(area);
        routes(frame, left, seat, view);
        saturations(frame, right, &full);
    } else {
        let few = &full[..full.len().min(FEW)];
        let height = u16::try_from(few.len() + 1).unwrap_or(0);
        let [top, bottom] = Layout::vertical([Constraint::Min(3), Constraint::Length(height)]).areas(area);
        routes(frame, top, seat, view);
        saturations(frame, bottom, few);
    }
}

fn routes(frame: &mut Frame<'_>, area: Rect, seat: &Seat, view: &View) {
    let head =
        TableRow::new(["route", "rate", "errors", "p50", "p99"].map(Cell::from)).style(Style::new().underlined());
    let rows = view.routes.iter().skip(seat.scrolled(view.routes.len())).map(route);
    let number = Constraint::Length(9);
    let widths = [Constraint::Min(16), number, number, number, number];
    frame.render_widget(TableWidget::new(rows, widths).header(head), area);
}

fn route(row: &Row) -> TableRow<'static> {
    let name = if row.route.is_empty() { "(no route)" } else { row.route.as_str() };
    let name = super::inside::plain(format!("{} {name}", row.method).trim_start());
    let errors = if row.errors > 0.0 { Cell::from(percent(row.errors)).red() } else { Cell::from("") };
    let cells = [Cell::from(name), rate(row.rate).into(), errors, duration(row.p50).into(), duration(row.p99).into()];
    TableRow::new(cells)
}

fn saturations(frame: &mut Frame<'_>, area: Rect, shares: &[&(String, f64)]) {
    let head = TableRow::new(["in use", "", ""]).style(Style::new().underlined());
    let rows = shares.iter().map(|(name, share)| {
        let color = if *share >= 0.9 {
            Color::Red
        } else if *share >= 0.7 {
            Color::Yellow
        } else {
            Color::Reset
        };
        let filled = (share.clamp(0.0, 1.0) * 8.0).round() as usize;
        let bar = format!("{}{}", "#".repeat(filled), ".".repeat(8 - filled));
        TableRow::new([super::inside::plain(name), bar, percent(*share)]).style(color)
    });
    let widths = [Constraint::Min(12), Constraint::Length(8), Constraint::Length(6)];
    frame.render_widget(TableWidget::new(rows, widths).header(head), area);
}

fn inside(frame: &mut Frame<'_>, area: Rect, seat: &Seat, answer: Option<&Result<Table, String>>) {
    let table = match answer {
        None => return frame.render_widget(Line::raw(" waiting for the answer"), area),
        Some(Err(problem)) => return frame.render_widget(Line::raw(format!(" {problem}")).red(), area),
        Some(Ok(table)) if table.rows.is_empty() => return frame.render_widget(Line::raw(" none"), area),
        Some(Ok(table)) => table,
    };
    let head = TableRow::new(table.columns.clone()).style(Style::new().underlined());
    let rows = table.rows.iter().skip(seat.scrolled(table.rows.len())).cloned().map(TableRow::new);
    // A column is as wide as its widest cell, and the last one takes the rest.
    let width = |at: usize| {
        let cells = table.rows.iter().filter_map(|row| row.get(at)).chain(table.columns.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).min(40)
    };
    let widths = (0..table.columns.len()).map(|at| match u16::try_from(width(at)) {
        Ok(width) if at + 1 < table.columns.len() => Constraint::Length(width),
        _ => Constraint::Min(8),
    });
    frame.render_widget(TableWidget::new(rows, widths).header(head), area);
}

fn levers(frame: &mut Frame<'_>, area: Rect, seat: &Seat) {
    let widest = LEVERS.iter().map(|lever| lever.title.len()).max().unwrap_or(0);
    let line = |(at, lever): (usize, &super::levers::Lever)| {
        let mark = if lever.confirm { "!" } else { " " };
        let text = format!(" {mark} {:widest$}  {}", lever.title, lever.effect);
        if at == seat.lever { Line::raw(text).reversed() } else { Line::raw(text) }
    };
    let mut notes = vec![Line::raw(format!(" changes are made {}; ! cannot be undone", seat.operator())).dim()];
    notes.extend(seat.outcome.iter().map(|outcome| Line::raw(format!(" {outcome}")).bold()));
    let [list, below] = Layout::vertical([Constraint::Min(1), Constraint::Length(2)]).areas(area);
    // The chosen one is always in sight.
    let skipped = (seat.lever + 1).saturating_sub(usize::from(list.height));
    let lines: Vec<Line<'_>> = LEVERS.iter().enumerate().skip(skipped).map(line).collect();
    frame.render_widget(Paragraph::new(lines), list);
    frame.render_widget(Paragraph::new(notes), below);
}

fn form(frame: &mut Frame<'_>, area: Rect, seat: &Seat) {
    let Some(form) = &seat.form else { return };
    let mut lines = vec![Line::raw(format!(" {}: {}", form.lever.title, form.lever.effect)).bold(), Line::raw("")];
    for (at, (field, text)) in form.fields.iter().enumerate() {
        let cursor = if at == form.at { "_" } else { "" };
        let line = Line::raw(format!(" {}: {text}{cursor}", form.label(*field)));
        lines.push(if at == form.at { line.reversed() } else { line });
    }
    if !seat.targets.is_empty() {
        lines.push(Line::raw(""));
        lines.push(Line::raw(format!(" known: {}", seat.targets.join(", "))).dim());
    }
    lines.extend(seat.outcome.iter().map(|outcome| Line::raw(format!(" {outcome}")).red()));
    frame.render_widget(Paragraph::new(lines), area);
}

fn rate(rate: f64) -> String {
    if rate >= 100.0 { format!("{rate:.0}/s") } else { format!("{rate:.1}/s") }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent >= 10.0 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

fn duration(quantile: Option<Quantile>) -> String {
    let (mark, seconds) = match quantile {
        None => return "-".to_owned(),
        Some(Quantile::Value(seconds)) => ("", seconds),
        Some(Quantile::Above(seconds)) => (">", seconds),
    };
    match seconds {
        seconds if seconds >= 10.0 => format!("{mark}{seconds:.0} s"),
        seconds if seconds >= 1.0 => format!("{mark}{seconds:.1} s"),
        seconds if seconds >= 0.01 => format!("{mark}{:.0} ms", seconds * 1e3),
        seconds => format!("{mark}{:.1} ms", seconds * 1e3),
    }
}

fn size(bytes: f64) -> String {
    let mega = bytes / f64::from(1 << 20);
    if mega >= 1024.0 { format!("{:.1} GiB", mega / 1024.0) } else { format!("{mega:.0} MiB") }
}

fn age(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match (seconds / 86_400, seconds / 3_600, seconds / 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}
