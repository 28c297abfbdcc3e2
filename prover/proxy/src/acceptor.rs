//! The listener of a proxy, and the task that accepts connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::hold::Hold;
use crate::shared::Shared;
use crate::socket::{ListenError, Listener, Reservation};

/// After a failure to accept or to listen (no descriptors), until the next attempt.
pub(super) const BREATH: Duration = Duration::from_millis(10);

/// The listener of a proxy, open while its task runs.
#[derive(Debug, Default)]
pub(super) struct Acceptor {
    reservation: Option<Reservation>,
    accepting: Option<JoinHandle<()>>,
}

impl Acceptor {
    pub(super) fn reserved(reservation: Reservation) -> Self {
        Self { reservation: Some(reservation), accepting: None }
    }

    /// Listens, and says where.
    pub(super) async fn open(&mut self, listen: &str, shared: &Arc<Shared>) -> Result<String, ListenError> {
        let listener = match &self.reservation {
            Some(reservation) => reservation.listen()?,
            None => Listener::bind(listen).await?,
        };
        let address = listener.address();
        self.accepting = Some(tokio::spawn(accept(listener, Arc::clone(shared))));
        Ok(address)
    }

    /// On return the listener is closed.
    pub(super) async fn close(&mut self) {
        if let Some(task) = self.accepting.take() {
            task.abort();
            let _ = task.await;
        }
    }

    pub(super) fn abort(&mut self) {
        if let Some(task) = self.accepting.take() {
            task.abort();
        }
    }
}

/// Lets clients in one after the other, when there is a place and no partition.
async fn accept(listener: Listener, shared: Arc<Shared>) {
    let mut hold = shared.hold.subscribe();
    loop {
        let Ok(place) = Arc::clone(&shared.places).acquire_owned().await else { return };
        let Ok(_) = hold.wait_for(|hold| *hold != Hold::Partitioned).await else { return };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(client) => shared.welcome(client, place),
                Err(_) => tokio::time::sleep(BREATH).await,
            },
            _ = hold.changed() => {}
        }
    }
}
