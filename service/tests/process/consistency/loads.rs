//! Loads beside writes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use echo_service::{
    domain::{Mock, Verb},
    replica::Replica,
    store::{Store as _, Write},
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use super::{
    client_reads::called,
    plant::Plant,
    simulation::{LEASE, simulated},
    store::{GONE, WELL, Way},
    store_state::Truth,
};
use crate::store::{endpoint, text_response};

/// A load reads one record after the other, so it may have a part of a write. The call waits for a reading, and some
/// readings load everything again.
#[test]
fn a_replica_shows_no_part_of_a_write_after_a_load() {
    for seed in 0..1_000 {
        simulated().block_on(async {
            let mut random = StdRng::seed_from_u64(seed);
            let truth = Arc::<Mutex<Truth>>::default();
            let (well, state) = (Arc::default(), Arc::<AtomicU8>::default());
            let way = |state| Arc::new(Way::new(&truth, state, Plant::Nothing, seed));
            let [hidden, first] = ["/{x}", "/one"].map(|path| endpoint(Verb::Get, path, &text_response(path)));
            let expected = way(&well).write(Write::Create(hidden.clone())).await.unwrap();
            let of_first = way(&well).write(Write::Create(first.clone())).await.unwrap();
            let replica = Replica::load(way(&state), LEASE).await.unwrap();
            sleep(2 * LEASE.term).await;
            state.store(GONE, Ordering::Relaxed);
            sleep(2 * LEASE.term).await;
            state.store(WELL, Ordering::Relaxed);
            let (writer, delay) = (way(&well), Duration::from_millis(random.random_range(0..150)));
            let writing = tokio::spawn(async move {
                sleep(delay).await;
                let endpoint = Mock { response: text_response("after"), ..hidden };
                let replaced = Write::Replace { endpoint, expected };
                writer.write_all(vec![replaced, Write::Delete { id: first.id, expected: of_first }]).await.unwrap();
            });
            let shown = called(&replica, "/one").await.unwrap();
            assert!(["/one", "after"].contains(&&*shown), "{shown} with seed {seed}");
            writing.await.unwrap();
        });
    }
}
