// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! The one error type: a code from a closed table, a sentence, and the place.
//!
//! An [`Error`] is one word wide, so that `Result<ArrayRef>` stays small. Whoever knows a part of the place adds it on
//! the way up: the kernel its row, the function its name, the operator its path, the scan its input and batch.
//! Messages are one line, lower case, without a full stop, and hold no value of the data beyond what the caller passed
//! as a constant.

mod codes;

use std::borrow::Cow;
use std::fmt;

pub use codes::ErrorCode;

/// A result whose error is an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why and where something failed.
pub struct Error(Box<Inner>);

const _: () = assert!(size_of::<Error>() == size_of::<usize>());

/// Where an error happened, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The function, as `divide`.
    pub function: Option<Cow<'static, str>>,
    /// The plan node, as `filter[2].predicate`.
    pub path: Option<String>,
    /// The input that the row came from.
    pub input: Option<String>,
    /// The batch of that input, from zero.
    pub batch: Option<u64>,
    /// The row: of that batch, or of the function's arguments outside a query.
    pub row: Option<u64>,
    /// The column.
    pub column: Option<String>,
    /// The function's argument or option.
    pub argument: Option<Cow<'static, str>>,
    /// The file and line of the program that wrote the node, as `main.go:12`.
    pub origin: Option<String>,
    /// The query.
    pub query_id: Option<String>,
}

struct Inner {
    code: ErrorCode,
    message: Cow<'static, str>,
    place: Place,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `code` that says `message`.
    #[cold]
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { code, message: message.into(), place: Place::default(), source: None }))
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// Its sentence, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it happened, as far as it is known.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// The place, to add to it.
    pub fn place_mut(&mut self) -> &mut Place {
        &mut self.0.place
    }

    /// Names the function, unless a deeper one is already named.
    #[must_use]
    pub fn in_function(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.place.function.get_or_insert_with(|| name.into());
        self
    }

    /// Names the row.
    #[must_use]
    pub fn at_row(mut self, row: usize) -> Self {
        self.0.place.row = Some(row as u64);
        self
    }

    /// Adds `first` to a known row: the kernel saw a strip that begins there.
    #[must_use]
    pub fn with_rows_from(mut self, first: usize) -> Self {
        self.0.place.row = self.0.place.row.map(|row| row + first as u64);
        self
    }

    /// Names the argument or option.
    #[must_use]
    pub fn for_argument(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.place.argument.get_or_insert_with(|| name.into());
        self
    }

    /// Names the column, unless a deeper one is already named.
    #[must_use]
    pub fn in_column(mut self, name: impl Into<String>) -> Self {
        self.0.place.column.get_or_insert_with(|| name.into());
        self
    }

    /// Names the plan node, unless a deeper one is already named.
    #[must_use]
    pub fn at_path(mut self, path: impl Into<String>) -> Self {
        self.0.place.path.get_or_insert_with(|| path.into());
        self
    }

    /// Keeps `source` as the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }
}

/// One constructor for each code that our own crates raise often.
macro_rules! constructors {
    ($($name:ident $code:ident),+ $(,)?) => {
        impl Error {
            $(
                #[doc = concat!("An error of code [`ErrorCode::", stringify!($code), "`].")]
                #[cold]
                pub fn $name(message: impl Into<Cow<'static, str>>) -> Self {
                    Self::new(ErrorCode::$code, message)
                }
            )+
        }
    };
}

constructors! {
    invalid_argument InvalidArgument,
    type_mismatch TypeMismatch,
    not_found NotFound,
    out_of_bounds OutOfBounds,
    not_implemented NotImplemented,
    invalid_array InvalidArray,
    invalid_data InvalidData,
    parse Parse,
    invalid_utf8 InvalidUtf8,
    overflow Overflow,
    divide_by_zero DivideByZero,
    memory_limit MemoryLimit,
    limit_exceeded LimitExceeded,
    io Io,
    cancelled Cancelled,
    deadline_exceeded DeadlineExceeded,
    invalid_state InvalidState,
    incompatible_version IncompatibleVersion,
    user_function UserFunction,
    internal Internal,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.0.place;
        if let Some(path) = &place.path {
            write!(f, "{path}: ")?;
        }
        if let Some(function) = &place.function {
            write!(f, "{function}: ")?;
        }
        if let Some(argument) = &place.argument {
            write!(f, "{argument}: ")?;
        }
        if let Some(column) = &place.column {
            write!(f, "column {column:?}: ")?;
        }
        if let Some(input) = &place.input {
            write!(f, "input {input:?}: ")?;
        }
        if let Some(batch) = place.batch {
            write!(f, "batch {batch}: ")?;
        }
        if let Some(row) = place.row {
            write!(f, "row {row}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({self})", self.0.code.name())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::io(error.to_string()).caused_by(error)
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        use arrow_schema::ArrowError as A;
        let code = match &error {
            A::NotYetImplemented(_) => ErrorCode::NotImplemented,
            A::CastError(_) => ErrorCode::InvalidData,
            A::ParseError(_) | A::CsvError(_) | A::JsonError(_) => ErrorCode::Parse,
            A::SchemaError(_) => ErrorCode::TypeMismatch,
            A::ComputeError(_) | A::InvalidArgumentError(_) => ErrorCode::InvalidArgument,
            A::DivideByZero => ErrorCode::DivideByZero,
            A::ArithmeticOverflow(_) => ErrorCode::Overflow,
            A::IoError(..) | A::IpcError(_) => ErrorCode::Io,
            A::MemoryError(_) => ErrorCode::MemoryLimit,
            A::DictionaryKeyOverflowError | A::RunEndIndexOverflowError | A::OffsetOverflowError(_) => {
                ErrorCode::LimitExceeded
            }
            _ => ErrorCode::Internal,
        };
        Self::new(code, error.to_string()).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_reads_from_the_outside_in() {
        let error = Error::divide_by_zero("division by zero").at_row(17).in_function("divide").at_path("filter[2]");
        assert_eq!(error.to_string(), "filter[2]: divide: row 17: division by zero");
        assert_eq!(error.code() as i32, 11);
    }

    #[test]
    fn the_deepest_name_wins() {
        let error = Error::parse("bad").in_function("strptime").in_function("map");
        assert_eq!(error.place().function.as_deref(), Some("strptime"));
    }

    #[test]
    fn rows_of_a_strip_are_shifted_once_known() {
        assert_eq!(Error::overflow("x").at_row(3).with_rows_from(100).place().row, Some(103));
        assert_eq!(Error::overflow("x").with_rows_from(100).place().row, None);
    }
}
