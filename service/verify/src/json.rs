//! Proto3 JSON on top of serde: 64-bit integers as strings, `null` as the default, lists of bounded length.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::ser::{SerializeSeq, Serializer};

/// Most entries of one list. 200,000 pods is the largest cluster that is read; no list is longer.
pub const LIST_MAX: usize = 200_000;
/// Most entries of a list that a person writes; Kubernetes knows no workload with more spreads.
pub const SHORT_LIST_MAX: usize = 64;

/// Whether a field is left out of the JSON.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a field whose `null` means its default.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Reads an integer, written as a number or as a string.
pub fn int<'de, D: Deserializer<'de>, T: TryFrom<i128> + Default>(from: D) -> Result<T, D::Error> {
    Ok(optional_int(from)?.unwrap_or_default())
}

/// Reads an integer that may be absent.
pub fn optional_int<'de, D: Deserializer<'de>, T: TryFrom<i128>>(from: D) -> Result<Option<T>, D::Error> {
    from.deserialize_any(IntVisitor(PhantomData))
}

/// Reads a list of integers.
pub fn ints<'de, D: Deserializer<'de>, T: TryFrom<i128>>(from: D) -> Result<Vec<T>, D::Error> {
    let entries: Vec<Int<T>> = list(from)?;
    Ok(entries.into_iter().map(|Int(value)| value).collect())
}

/// Reads a list of at most [`LIST_MAX`] entries.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_any(ListVisitor { length_max: LIST_MAX, entry: PhantomData })
}

/// Reads a list of at most [`SHORT_LIST_MAX`] entries.
pub fn short_list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_any(ListVisitor { length_max: SHORT_LIST_MAX, entry: PhantomData })
}

/// Writes a 64-bit integer.
pub fn write_int64<S: Serializer>(value: &i64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Writes a list of 64-bit integers.
pub fn write_int64s<S: Serializer>(values: &[i64], to: S) -> Result<S::Ok, S::Error> {
    let mut seq = to.serialize_seq(Some(values.len()))?;
    for value in values {
        seq.serialize_element(&format_args!("{value}"))?;
    }
    seq.end()
}

/// An integer inside a list, where `null` has no meaning.
struct Int<T>(T);

impl<'de, T: TryFrom<i128>> Deserialize<'de> for Int<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = optional_int(from)?;
        value.map(Int).ok_or_else(|| D::Error::invalid_type(Unexpected::Unit, &"an integer"))
    }
}

struct IntVisitor<T>(PhantomData<T>);

impl<T: TryFrom<i128>> IntVisitor<T> {
    fn fit<E: Error>(value: i128) -> Result<Option<T>, E> {
        let fitted = T::try_from(value).map(Some);
        fitted.map_err(|_| E::custom(format_args!("integer {value} is out of range")))
    }
}

impl<'de, T: TryFrom<i128>> Visitor<'de> for IntVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("an integer, as a number or a string")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Self::fit(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Self::fit(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let value = text.parse().ok().filter(|_| plain);
        Self::fit(value.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))?)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

struct ListVisitor<T> {
    length_max: usize,
    entry: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        write!(to, "a list of at most {} entries", self.length_max)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = seq.next_element()? {
            if entries.len() == self.length_max {
                return Err(A::Error::invalid_length(entries.len() + 1, &self));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}
