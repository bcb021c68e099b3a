// SPDX-FileCopyrightText: The Bowyer Authors
// SPDX-License-Identifier: Apache-2.0

//! Expressions over the columns of a relation: values that can be cloned, combined and used in many plans.
//!
//! Arithmetic is checked, comparisons are IEEE, logic is Kleene's. The engine settles types when a plan is prepared.

use std::ops;
use std::sync::Arc;

use arrow_schema::DataType;
use bowyer_engine::proto;
use proto::literal::Value;

/// A value for each row: a column, a constant, or a function of other expressions.
#[derive(Clone, Debug)]
pub struct Expr(pub(crate) Arc<Node>);

#[derive(Debug)]
pub(crate) enum Node {
    Column(String),
    Literal(Literal),
    Parameter(String, DataType),
    Call { function: String, arguments: Vec<Expr>, options: Vec<(String, Literal)> },
    Cast { argument: Expr, to: DataType, or_null: bool },
    Element { list: Expr },
    Accumulator { initial: Expr },
    List { kind: proto::ListCallKind, list: Expr, element: Expr, accumulator: Option<Expr>, body: Expr },
}

/// A constant. Without [`Literal::of`], its type is that of the operand beside it.
#[derive(Clone, Debug)]
pub struct Literal {
    pub(crate) value: Value,
    pub(crate) data_type: Option<DataType>,
}

impl Literal {
    /// The same value with a type of its own.
    #[must_use]
    pub fn of(mut self, data_type: DataType) -> Self {
        self.data_type = Some(data_type);
        self
    }

    /// Null, of the type that its place asks for.
    #[must_use]
    pub fn null() -> Self {
        Self { value: Value::Null(true), data_type: None }
    }
}

/// The column of a name.
pub fn col(name: impl Into<String>) -> Expr {
    Expr(Arc::new(Node::Column(name.into())))
}

/// A constant.
pub fn lit(value: impl Into<Literal>) -> Expr {
    Expr(Arc::new(Node::Literal(value.into())))
}

/// A value that is given when the plan runs.
pub fn parameter(name: impl Into<String>, data_type: DataType) -> Expr {
    Expr(Arc::new(Node::Parameter(name.into(), data_type)))
}

/// Any element-wise function, by its name in the manual.
pub fn function<'a>(
    name: impl Into<String>,
    arguments: impl IntoIterator<Item = Expr>,
    options: impl IntoIterator<Item = (&'a str, Literal)>,
) -> Expr {
    Expr(Arc::new(Node::Call {
        function: name.into(),
        arguments: arguments.into_iter().collect(),
        options: options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }))
}

/// `then` where `condition` is true, `otherwise` where it is false; neither is computed for the other's rows when it can
/// fail.
pub fn if_else(condition: Expr, then: impl Into<Expr>, otherwise: impl Into<Expr>) -> Expr {
    call("if_else", [condition, then.into(), otherwise.into()])
}

fn call<const N: usize>(name: &str, arguments: [Expr; N]) -> Expr {
    function(name, arguments, [])
}

/// Binary methods: name, function, what it says.
macro_rules! binary {
    ($($name:ident $function:literal $doc:literal),+ $(,)?) => {
        impl Expr {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $name(self, other: impl Into<Self>) -> Self {
                    call($function, [self, other.into()])
                }
            )+
        }
    };
}

binary! {
    equal "equal" "Whether the two are equal.",
    not_equal "not_equal" "Whether the two differ.",
    lt "less" "Whether it is less than the other.",
    le "less_equal" "Whether it is at most the other.",
    gt "greater" "Whether it is greater than the other.",
    ge "greater_equal" "Whether it is at least the other.",
    and "and_kleene" "Whether both are true; the other is only computed for rows that this one leaves open.",
    or "or_kleene" "Whether one is true; the other is only computed for rows that this one leaves open.",
    or_else "coalesce" "The other where this one is null.",
}

impl Expr {
    /// Whether it is null.
    #[must_use]
    pub fn is_null(self) -> Self {
        call("is_null", [self])
    }

    /// Whether it is not null.
    #[must_use]
    pub fn is_valid(self) -> Self {
        call("is_valid", [self])
    }

    /// The value as another type; a value that does not fit is an error.
    #[must_use]
    pub fn cast(self, to: DataType) -> Self {
        Self(Arc::new(Node::Cast { argument: self, to, or_null: false }))
    }

    /// The value as another type; null where it does not fit.
    #[must_use]
    pub fn try_cast(self, to: DataType) -> Self {
        Self(Arc::new(Node::Cast { argument: self, to, or_null: true }))
    }

    /// The expression under a name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> (String, Self) {
        (name.into(), self)
    }
}

/// Operators: trait, method, function.
macro_rules! operators {
    ($($trait:ident $method:ident $function:literal),+ $(,)?) => {
        $(
            impl<T: Into<Expr>> ops::$trait<T> for Expr {
                type Output = Self;

                fn $method(self, other: T) -> Self {
                    call($function, [self, other.into()])
                }
            }
        )+
    };
}

operators! {
    Add add "add_checked",
    Sub sub "subtract_checked",
    Mul mul "multiply_checked",
    Div div "divide_checked",
}

impl ops::Neg for Expr {
    type Output = Self;

    fn neg(self) -> Self {
        call("negate_checked", [self])
    }
}

impl ops::Not for Expr {
    type Output = Self;

    fn not(self) -> Self {
        call("invert", [self])
    }
}

/// Rust types that are constants: type and how it crosses.
macro_rules! literals {
    ($($native:ty, $value:ident => $literal:expr);+ $(;)?) => {
        $(
            impl From<$native> for Literal {
                fn from($value: $native) -> Self {
                    Self { value: $literal, data_type: None }
                }
            }

            impl From<$native> for Expr {
                fn from(value: $native) -> Self {
                    lit(value)
                }
            }
        )+
    };
}

literals! {
    bool, value => Value::Boolean(value);
    i32, value => Value::Int64(i64::from(value));
    i64, value => Value::Int64(value);
    u32, value => Value::Int64(i64::from(value));
    u64, value => Value::Uint64(value);
    f64, value => Value::Float64(value);
    &str, value => Value::Utf8(value.to_owned());
    String, value => Value::Utf8(value);
}

impl From<Literal> for Expr {
    fn from(value: Literal) -> Self {
        lit(value)
    }
}
