//! The public routes: the API's operations and the page.

use evenkeel::prelude::*;
use evenkeel::utoipa;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ledger::Ledger;
use crate::partner::Bank;
use crate::payout::requests;
use crate::settings::Settings;
use crate::{account, destination, forecast, page, transfer};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Ledger", description = "Double-entry money: accounts, transfers, payouts."),
    components(schemas(ProblemDocument))
)]
struct Document;

/// An error, as every operation tells it (RFC 9457).
#[derive(utoipa::ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "the border writes problems; this is their shape for the description")]
struct ProblemDocument {
    /// What kind of problem: a relative URI such as `/problems/insufficient-funds`, else `about:blank`.
    #[schema(rename = "type", example = "/problems/insufficient-funds")]
    kind: String,
    /// The status's phrase.
    title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: i32,
    /// What was wrong and what to do.
    #[schema(required = false)]
    detail: String,
    /// The field that cannot be used, when it is one.
    #[schema(required = false)]
    field: String,
    /// Finds the request in the logs.
    #[schema(required = false)]
    request_id: String,
}

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
        .routes(routes!(destination::look))
}

/// The public routes: the API and the page.
pub fn routes(context: &Context<Settings, Store>) -> Router {
    let (api, _document) = api().split_for_parts();
    let (store, bank) = (context.store().clone(), Bank::of(context));
    api.merge(page::routes()).with_state(Ledger { store, bank, cpu: context.cpu().clone() })
}
