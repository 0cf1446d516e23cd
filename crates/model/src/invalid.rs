//! Refusals: what was refused, and why, in one line that is safe to print.

/// Longest part of a refused value that is echoed, in characters after escaping.
const ECHO: usize = 64;

/// A value that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} \"{value}\": {why}")]
pub struct Invalid {
    what: &'static str,
    value: String,
    why: String,
}

impl Invalid {
    /// Refuses `value`, which should have been a `what`, because of `why`.
    ///
    /// The value is echoed escaped and cut to 64 characters.
    pub fn new(what: &'static str, value: impl AsRef<str>, why: impl Into<String>) -> Self {
        let value = value.as_ref().escape_default().take(ECHO).collect();
        Self { what, value, why: why.into() }
    }
}

/// A refused field of a message or a file, with its path (`endpoints[2]`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct FieldError {
    field: String,
    why: String,
}

impl FieldError {
    /// The field at `field` is refused because of `why`.
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into() }
    }

    /// The path of the field.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The same error, seen from the message that holds the field's message at `outer`.
    #[must_use]
    pub fn inside(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), why: self.why }
    }
}

/// Names the field that an error is about.
pub trait Field<T> {
    /// # Errors
    /// The same error, naming `field`.
    fn field(self, field: &str) -> Result<T, FieldError>;
}

impl<T, E: std::fmt::Display> Field<T> for Result<T, E> {
    fn field(self, field: &str) -> Result<T, FieldError> {
        self.map_err(|e| FieldError::new(field, e.to_string()))
    }
}
