//! Recipes that create objects: lists of them, and their identifiers.

use keel_wire::http::Request;

/// Creates rows, and then asks for their list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The request that creates a row, with [`EACH`] for its key; none when rows cannot be created.
    pub row: Option<Request>,
    /// The number of rows to create.
    pub rows: usize,
    /// The request for the list.
    pub list: Request,
    /// The observation that shows the fault.
    pub fault: Listed,
}

/// Answer to the request for a list that shows a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It has more than this number of items.
    Unbounded(usize),
    /// It has items and neither a cursor nor a link to the next page.
    NoNext,
}

/// Creates objects one after another: the fault is that their identifiers are numbers, or end with digits that count up.
#[derive(Clone, Debug)]
pub struct Identifiers {
    /// The request that creates an object, with [`EACH`] for its key.
    pub create: Request,
    /// JSON pointer to the identifier in the answer.
    pub pointer: String,
    /// The number of objects.
    pub objects: usize,
}

/// Stands for a key that is different in each of several requests; scripts replace it.
pub const EACH: &str = "6b65656c-0000-4000-8000-65616368726f";
