//! We remember: [`plimsoll_domain::store::Store`] over SQL. The only room that names sqlx.
//!
//! SQLite, embedded, one file. Start at [`Sqlite::open`].

mod body;
mod sqlite;

pub use sqlite::Sqlite;
