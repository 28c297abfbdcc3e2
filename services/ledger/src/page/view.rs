//! The HTML of the accounts.

use evenkeel::vitals;
use maud::{Markup, html};

use super::document::{document, said};
use super::money::formatted;
use super::notice::Notice;
use crate::account::Account;
use crate::cursor::Page;

/// The page with these accounts.
pub(super) fn page(person: &str, accounts: &Page<Account>, notice: Option<Notice>) -> Markup {
    document(
        "Accounts",
        Some(person),
        &html! {
            (said(notice))
            section aria-labelledby="accounts" {
                h2 #accounts { "Accounts" }
                (accounts_table(&accounts.items))
                nav.pages aria-label="Pages" {
                    @if let Some(next) = &accounts.next { a rel="next" href=(format!("/?cursor={next}")) { "Next page" } }
                }
            }
            div.forms {
                section aria-labelledby="transfer" {
                    h2 #transfer { "Transfer" }
                    (transfer_form(&accounts.items))
                }
                section aria-labelledby="open" {
                    h2 #open { "Open an account" }
                    (account_form())
                }
            }
        },
    )
}

fn accounts_table(accounts: &[Account]) -> Markup {
    html! {
        @if accounts.is_empty() { p.soft { "There are none here. Open one below." } }
        @else {
            div.wide tabindex="0" role="region" aria-label="Table of accounts" { table {
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
                            th scope="row" { a href=(format!("/accounts/{}", account.id)) { code { (account.id) } } }
                            td { (account.currency) }
                            td.number { (formatted(account.balance, &account.currency)) }
                            td.number { (formatted(account.overdraft, &account.currency)) }
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
                    option value=(account.id) {
                        (account.currency) " " (formatted(account.balance, &account.currency)) " \u{b7} " (account.id)
                    }
                }
            }
        }
    };
    html! {
        form method="post" action="/transfers" {
            input type="hidden" name="key" value=(vitals::new_id("form"));
            label { span { "From" } (choice("from")) }
            label { span { "To" } (choice("to")) }
            label {
                span { "Amount, as in 12.50" }
                input name="amount" inputmode="decimal" pattern="[0-9,]+([.][0-9]+)?" title="An amount, as in 12.50"
                    autocomplete="off" required;
            }
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
                span { "Overdraft, as in 100.00" }
                input name="overdraft" value="0.00" inputmode="decimal" pattern="[0-9,]+([.][0-9]+)?"
                    title="An amount, as in 100.00" autocomplete="off" required;
            }
            button { "Open" }
        }
    }
}
