//! The HTML of the page.

use evenkeel::vitals;
use maud::{DOCTYPE, Markup, html};

use super::notice::Notice;
use crate::account::Account;

/// The page with these accounts; `more` when there are others.
pub(super) fn page(accounts: &[Account], more: bool, notice: Option<Notice>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Ledger" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header { h1 { "Ledger" } }
                main {
                    @if let Some(notice) = notice {
                        p.notice.bad[!notice.is_good()] role="status" { (notice.text()) }
                    }
                    section aria-labelledby="accounts" {
                        h2 #accounts { "Accounts" }
                        (accounts_table(accounts))
                        @if more { p.soft { "These are the first fifty; " code { "GET /v1/accounts" } " lists the rest." } }
                    }
                    div.forms {
                        section aria-labelledby="transfer" {
                            h2 #transfer { "Transfer" }
                            (transfer_form(accounts))
                        }
                        section aria-labelledby="open" {
                            h2 #open { "Open an account" }
                            (account_form())
                        }
                    }
                }
                footer.soft { "Amounts are whole numbers of minor units: 1250 is 12.50 EUR." }
            }
        }
    }
}

fn accounts_table(accounts: &[Account]) -> Markup {
    html! {
        @if accounts.is_empty() { p.soft { "There are none yet. Open one below." } }
        @else {
            div.wide tabindex="0" role="region" aria-labelledby="accounts" { table {
                thead {
                    tr {
                        th scope="col" { "Account" }
                        th scope="col" { "Currency" }
                        th.number scope="col" { "Balance" }
                        th.number scope="col" { "Overdraft" }
                    }
                }
                tbody {
                    @for account in accounts {
                        tr {
                            th scope="row" { code { (account.id) } }
                            td { (account.currency) }
                            td.number { (account.balance) }
                            td.number { (account.overdraft) }
                        }
                    }
                }
            } }
        }
    }
}

fn transfer_form(accounts: &[Account]) -> Markup {
    let choice = |name: &str| {
        html! {
            select name=(name) required {
                option value="" { "Choose an account" }
                @for account in accounts {
                    option value=(account.id) { (account.currency) " " (account.balance) " \u{b7} " (account.id) }
                }
            }
        }
    };
    html! {
        form method="post" action="/transfers" {
            input type="hidden" name="key" value=(vitals::new_id("form"));
            label { span { "From" } (choice("from")) }
            label { span { "To" } (choice("to")) }
            label { span { "Amount" } input type="number" name="amount" min="1" step="1" inputmode="numeric" required; }
            @if accounts.len() < 2 { p.soft { "A transfer needs two accounts." } }
            button disabled[accounts.len() < 2] { "Transfer" }
        }
    }
}

fn account_form() -> Markup {
    html! {
        form method="post" action="/accounts" {
            input type="hidden" name="key" value=(vitals::new_id("form"));
            label {
                span { "Currency" }
                input name="currency" value="EUR" pattern="[A-Z]{3}" title="Three capitals, as in EUR" maxlength="3"
                    autocomplete="off" required;
            }
            label {
                span { "Overdraft" }
                input type="number" name="overdraft" value="0" min="0" step="1" inputmode="numeric" required;
            }
            button { "Open" }
        }
    }
}
