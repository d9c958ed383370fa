//! Settings: defaults, then a file, then the environment, then flags. Unknown keys are errors.

mod live;
mod load;
mod settings;
mod tasks;

pub use live::Live;
pub use load::{Error, Origin, Sources, load};
pub use settings::{Import, Ledger, Listen, Log, LogFormat, Plan, Settings, Shutdown, Simulator, Store};
pub use tasks::{Keep, Tasks};

/// The complete example, which is also the documentation of every key.
pub const EXAMPLE: &str = include_str!("../plimsoll.example.toml");
