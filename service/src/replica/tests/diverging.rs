//! Digests, adoptions and permits.

use super::*;

/// Metrics are exported once a minute, and a load repairs a replica within seconds.
#[tokio::test(start_paused = true)]
async fn a_repaired_divergence_is_shown_for_a_quarter_of_an_hour() {
    let store = Arc::<OneMock>::default();
    let replica = Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE).await.unwrap();
    sleep(LEASE.term).await;
    assert!(!replica.is_diverged());
    *store.digest.lock() = Digest(1);
    while replica.counts().divergences.load(Ordering::Relaxed) == 0 {
        sleep(LEASE.poll).await;
    }
    let found = Instant::now();
    *store.digest.lock() = Digest(0);
    while replica.is_diverged() {
        sleep(LEASE.term).await;
    }
    assert_eq!(found.elapsed().as_secs() / 60, 15);
}

/// The load of an adoption may take minutes.
#[tokio::test(start_paused = true)]
async fn a_replica_that_agrees_is_not_shown_as_diverged_while_it_adopts() {
    let store = Arc::<OneMock>::default();
    let replica = Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE).await.unwrap();
    sleep(LEASE.term).await;
    store.is_slow.store(true, Ordering::Relaxed);
    let answer = replica.adopt().await;
    assert!(matches!(answer, Err(AdoptError::Unfinished)), "{answer:?}");
    assert!(!replica.is_diverged());
}

#[tokio::test(start_paused = true)]
async fn an_adoption_waits_while_another_replica_loads() {
    let store = Arc::<OneMock>::default();
    let replica = Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE).await.unwrap();
    store.others.store(3, Ordering::Relaxed);
    let adopted = replica.adopt().await;
    assert!(matches!(adopted, Ok((Version(2), 1))), "{adopted:?}");
}

#[tokio::test(start_paused = true)]
async fn no_reading_waits_for_the_permit_to_load() {
    let store = Arc::<OneMock>::default();
    let replica = Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE).await.unwrap();
    sleep(LEASE.term).await;
    store.others.store(-1, Ordering::Relaxed);
    *store.digest.lock() = Digest(1);
    for _ in 0..100 {
        sleep(LEASE.term).await;
        assert!(replica.follower.holds_lease(Instant::now()));
    }
    assert!(replica.is_diverged());
}

#[tokio::test(start_paused = true)]
async fn digests_are_compared_after_a_panic_in_an_adoption() {
    let store = Arc::<OneMock>::default();
    let replica = Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE).await.unwrap();
    store.is_faulty.store(true, Ordering::Relaxed);
    assert!(replica.adopt().await.is_err());
    *store.digest.lock() = Digest(1);
    sleep(LEASE.term).await;
    assert!(replica.is_diverged());
}

/// The adoption may also come beside a write of this process, when digests are not compared.
#[tokio::test(start_paused = true)]
async fn an_adoption_in_any_part_of_the_log_ends_a_lasting_divergence() {
    for is_part in [true, false] {
        let store = Arc::<OneMock>::default();
        let replica = Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE).await.unwrap();
        *store.digest.lock() = Digest(1);
        // Longer than the random wait before a load.
        sleep(Duration::from_secs(11)).await;
        assert_eq!(replica.counts().reloads.load(Ordering::Relaxed), 2);
        let (head, digest, changes) = (Version(2), None, vec![]);
        let log = if is_part { Changes::Part { head, changes } } else { Changes::Log { head, digest, changes } };
        *store.log.lock() = Some(log);
        sleep(Duration::from_secs(11)).await;
        assert_eq!(replica.counts().reloads.load(Ordering::Relaxed), 3);
    }
}
