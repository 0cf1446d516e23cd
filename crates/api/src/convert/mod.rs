//! Messages to model and back, one module for each package of `proto/`.

mod ipam;
mod node;
mod view;
mod wireguard;

pub use ipam::{Allocated, Claim};
use node::kind;
pub use wireguard::Registration;
use wireguard::endpoints;
pub(crate) use wireguard::{delta, peers};

use std::fmt::Display;
use std::str::FromStr;
use wgcni_model::{DualStack, Field, FieldError, HasFamily};

/// Parses a text field.
pub(crate) fn parse<T>(field: &str, text: &str) -> Result<T, FieldError>
where
    T: FromStr<Err: Display>,
{
    text.parse().field(field)
}

/// Parses a list of texts, naming the item that is wrong.
pub(crate) fn parse_list<T>(field: &str, items: &[String]) -> Result<Vec<T>, FieldError>
where
    T: FromStr<Err: Display>,
{
    let item = |(n, text): (usize, &String)| text.parse().field(&format!("{field}[{n}]"));
    items.iter().enumerate().map(item).collect()
}

/// Parses a list of at most one text of each family.
pub(crate) fn parse_dual<T>(field: &str, items: &[String]) -> Result<DualStack<T>, FieldError>
where
    T: FromStr<Err: Display> + HasFamily + Display,
{
    if items.len() > 2 {
        return Err(FieldError::new(field, format!("has {} items, at most 2 fit", items.len())));
    }
    DualStack::from_items(parse_list(field, items)?).field(field)
}

/// A message field that must be there, converted.
pub(crate) fn required<W, T>(field: &str, message: Option<W>) -> Result<T, FieldError>
where
    T: TryFrom<W, Error = FieldError>,
{
    let message = message.ok_or_else(|| FieldError::new(field, "is missing"))?;
    T::try_from(message).map_err(|e| e.inside(field))
}

/// Items as texts.
pub(crate) fn texts<T: Display>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}
