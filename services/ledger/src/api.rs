//! The public routes: the API's operations and the page.

use std::sync::Arc;

use evenkeel::cursors::Cursors;
use evenkeel::prelude::*;
use evenkeel::sessions::PageSessions;
use evenkeel::utoipa;
use evenkeel::utoipa_axum::router::OpenApiRouter;
use evenkeel::utoipa_axum::routes;
use utoipa::OpenApi as _;

use crate::ledger::Ledger;
use crate::partner::Bank;
use crate::payout::requests;
use crate::settings::Settings;
use crate::{account, destination, forecast, import, page, receipt, transfer};

#[derive(utoipa::OpenApi)]
#[openapi(info(title = "Ledger", description = "Double-entry money: accounts, transfers, payouts."))]
struct Document;

/// The operations of the API, each with its description.
pub(crate) fn api() -> OpenApiRouter<Ledger> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(account::open, account::list))
        .routes(routes!(account::one))
        .routes(routes!(account::entries))
        .routes(routes!(forecast::look))
        .routes(routes!(transfer::make, transfer::list))
        .routes(routes!(transfer::one))
        .routes(routes!(requests::ask, requests::list))
        .routes(routes!(requests::one))
        .routes(routes!(receipt::requests::ask))
        .routes(routes!(receipt::requests::one))
        .routes(routes!(import::requests::import))
        .routes(routes!(destination::look))
}

/// The public routes: the API and the page.
pub fn routes(context: &Context<Settings, Store>) -> Router {
    let (api, _document) = api().split_for_parts();
    let (store, bank) = (context.store().clone(), Bank::of(context));
    let sessions = PageSessions::stored(&context.settings().sessions, &store);
    let cursors = Cursors::stored(&store);
    let imports = Arc::new(import::stats::ImportStats::default());
    context.registry().register(imports.clone());
    let page = sessions.around(page::routes());
    api.merge(page).with_state(Ledger { store, bank, cpu: context.cpu().clone(), sessions, cursors, imports })
}
