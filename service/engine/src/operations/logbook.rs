//! Where a runner writes down how far its operation is: the store, or memory where nothing is to last.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use plimsoll_domain::operation::Operation;
use plimsoll_domain::store::{Store, StoreError};

/// Takes an operation down.
#[async_trait]
pub trait Logbook: Send + Sync {
    /// Writes how far an operation is, and returns it as it stands then; see [`Store::update_operation`].
    async fn write(&self, operation: &Operation) -> Result<Operation, StoreError>;
    /// Whether the end of an operation was asked for.
    async fn cancels(&self, operation: &Operation) -> Result<bool, StoreError>;
}

#[async_trait]
impl<S: Store> Logbook for S {
    async fn write(&self, operation: &Operation) -> Result<Operation, StoreError> {
        self.update_operation(operation).await
    }

    async fn cancels(&self, operation: &Operation) -> Result<bool, StoreError> {
        Ok(self.operation(&operation.id).await?.cancel_requested)
    }
}

/// The store behind an engine.
pub struct Kept(pub Arc<dyn Store>);

#[async_trait]
impl Logbook for Kept {
    async fn write(&self, operation: &Operation) -> Result<Operation, StoreError> {
        self.0.update_operation(operation).await
    }

    async fn cancels(&self, operation: &Operation) -> Result<bool, StoreError> {
        Ok(self.0.operation(&operation.id).await?.cancel_requested)
    }
}

/// The last that was written of one operation, and nothing else.
#[derive(Default)]
pub struct Scrap(Mutex<Option<Operation>>);

impl Scrap {
    /// What was written last.
    pub fn last(&self) -> Option<Operation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Logbook for Scrap {
    async fn write(&self, operation: &Operation) -> Result<Operation, StoreError> {
        let written = Operation { revision: operation.revision + 1, ..operation.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(written.clone());
        Ok(written)
    }

    async fn cancels(&self, _: &Operation) -> Result<bool, StoreError> {
        Ok(false)
    }
}
