//! The page for questions in SQL: a form, the shipped queries, the answer.

use maud::{Markup, html};

use super::cells::{MAX_CELL, cut};
use super::section::{MAX_ROWS, Section, more};
use crate::query::{Answer, Cell, Query, QueryError, Question};

const SHIPPED: &str = "SELECT name, help, sql FROM vitals_queries";

pub(super) async fn section(query: &Query, sql: Option<&str>, name: Option<&str>) -> Section {
    let question = match (sql.filter(|sql| !sql.trim().is_empty()), name) {
        (Some(sql), _) => Some(Ok(Question::new(sql))),
        (None, Some(name)) => Some(query.named(name)),
        (None, None) => None,
    };
    let text = match &question {
        Some(Ok(question)) => question.sql().to_owned(),
        _ => sql.unwrap_or_default().to_owned(),
    };
    let answer = match question {
        Some(Ok(question)) => Some(query.ask(question).await),
        Some(Err(unknown)) => Some(Err(unknown)),
        None => None,
    };
    let shipped = query.ask(Question::new(SHIPPED)).await.map(|answer| answer.rows).unwrap_or_default();
    let body = html! {
        nav.shipped aria-label="Shipped queries" {
            @for row in &shipped {
                @if let [Cell::Text(name), Cell::Text(help), ..] = row.as_slice() {
                    a href={ "/console/query?name=" (name) } title=(help) { (name) }
                }
            }
        }
        form.question method="get" action="/console/query" {
            label for="sql" { "One SELECT, read-only, at most 250 ms. The table " code { "vitals_columns" } " lists what can be asked." }
            textarea #sql name="sql" rows="5" spellcheck="false" autocomplete="off" { (text) }
            button { "Ask" }
        }
        @if let Some(answer) = &answer { (shown(answer)) }
    };
    Section::new("question", "Question", &body)
}

fn shown(answer: &Result<Answer, QueryError>) -> Markup {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return html! { p.notice.bad role="status" { (error) } },
    };
    html! {
        p role="status" {
            (answer.rows.len()) " rows in " (format!("{:.1} ms", answer.took.as_secs_f64() * 1e3))
            @if let Some(cut) = answer.cut { ", cut by its bound of " (cut.name()) }
        }
        div.wide tabindex="0" role="region" aria-label="Answer" {
            table {
                thead { tr { @for name in &answer.columns { th scope="col" { (name) } } } }
                tbody {
                    @for row in answer.rows.iter().take(MAX_ROWS) {
                        tr { @for cell in row { td class=[matches!(cell, Cell::Integer(_) | Cell::Real(_)).then_some("number")] { (of_cell(cell)) } } }
                    }
                }
            }
        }
        (more(answer.rows.len().min(MAX_ROWS), answer.rows.len()))
    }
}

fn of_cell(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => cut(text, MAX_CELL),
        Cell::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}
