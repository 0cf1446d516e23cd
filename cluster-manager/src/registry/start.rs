//! Starting from a store: it must be this cluster's, and make sense.

use wgcni_fault::around;
use wgcni_ipam::Allocator;
use wgcni_model::{Cluster, History};
use wgcni_store::{CommitError, Store, Transaction};

use super::state::{BadRecord, State};
use crate::config::Config;
use crate::records::{LeaseRow, Row, RunRow, SettingsRow, run_key, settings_key};

/// The registry did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A record makes no sense.
    #[error("store: {0}; it was written by another version, or is damaged")]
    Record(#[from] BadRecord),
    /// The store is another cluster's.
    #[error(
        "the store is of cluster {stored}, and the configuration says {configured}; \
         use that cluster's configuration, or another state_dir"
    )]
    OtherCluster {
        /// What the store says.
        stored: String,
        /// What the configuration says.
        configured: String,
    },
    /// The prefixes do not work.
    #[error(transparent)]
    Prefixes(#[from] wgcni_model::Invalid),
    /// The store refused the settings, or the note of this start.
    #[error("write to the store: {0}")]
    Store(#[from] CommitError),
}

/// How many starts are remembered: a reader that was away for more begins anew.
const MAX_RUNS: usize = 64;

pub(super) fn load(store: &dyn Store, config: &Config) -> Result<State, StartError> {
    let allocator =
        Allocator::subnets(config.cluster.prefixes, config.lease_lengths, config.quarantine)?;
    let mut state = State::new(config.cluster.clone(), allocator, config.quarantine);
    state.load(store.load())?;
    Ok(state)
}

/// The settings of a store with leases are those that the leases were made from.
pub(super) async fn ensure_settings(store: &dyn Store, config: &Config) -> Result<(), StartError> {
    let key = settings_key();
    let wanted = SettingsRow {
        cluster: config.cluster.clone(),
        lease_length_v4: config.lease_lengths.v4,
        lease_length_v6: config.lease_lengths.v6,
    };
    let loaded = store.load();
    let transaction = match loaded.records.get(&key) {
        None => Transaction::new().create(&key, wanted.encode()),
        Some(record) => {
            let stored = SettingsRow::decode(&record.value);
            let stored = stored.map_err(|reason| BadRecord::new(key.clone(), reason))?;
            if stored == wanted {
                return Ok(());
            }
            let leased = loaded.records.keys().any(|key| key.table() == LeaseRow::TABLE);
            if leased || stored.cluster.id != wanted.cluster.id {
                let (stored, configured) = (describe(&stored), describe(&wanted));
                return Err(StartError::OtherCluster { stored, configured });
            }
            Transaction::new().replace(&key, record.revision, wanted.encode())
        }
    };
    around!("cluster.settings", store.commit(transaction).await)?;
    Ok(())
}

/// Writes down that a history begins. Readers say which one their revision is of: it is
/// in this store's past only if it came before the next one began. What a store says that
/// was restored from a backup cannot be mistaken for what followed the backup.
pub(super) async fn begin_run(store: &dyn Store, run: &History) -> Result<(), StartError> {
    let records = store.load().records;
    let former = records.into_iter().filter(|(key, _)| key.table() == RunRow::TABLE);
    let mut former: Vec<_> = former.map(|(key, record)| (record.revision, key)).collect();
    former.sort();
    let surplus = (former.len() + 1).saturating_sub(MAX_RUNS);
    let begun = Transaction::new().create(&run_key(run), RunRow {}.encode());
    let old = former.into_iter().take(surplus);
    let transaction = old.fold(begun, |t, (_, key)| t.delete(&key));
    around!("cluster.history", store.commit(transaction).await)?;
    Ok(())
}

fn describe(settings: &SettingsRow) -> String {
    let SettingsRow { cluster, lease_length_v4, lease_length_v6 } = settings;
    let Cluster { id, prefixes } = cluster;
    format!("{id} ({prefixes} in /{lease_length_v4} and /{lease_length_v6})")
}
