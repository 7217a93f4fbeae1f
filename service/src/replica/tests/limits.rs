//! The room for mocks, with several processes.

use super::*;
use crate::replica::room::Room;

const OWN: u64 = 1_000;

/// The result of a write that replaces a mock of `old` bytes, while all mocks take 600 bytes.
fn taken(room: &Room, store: &OneMock, old: u64, new: u64) -> Result<(), (u64, u64)> {
    match room.take(store, 600, old, new) {
        Ok(_) => Ok(()),
        Err(WriteError::Full { bytes, limit, .. }) => Err((bytes, limit)),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_smallest_limit_of_the_live_processes_holds() {
    let (room, store) = (Room::of(OWN), OneMock::default());
    for (limits, smallest) in [
        (vec![], OWN),
        (vec![OWN, 2_000], OWN),
        (vec![OWN, 900, 800, 900], 800),
        // Less than the mocks, by at most a quarter.
        (vec![480, OWN], 480),
        // This process ends, because it is too small for the store.
        (vec![479, OWN], OWN),
    ] {
        *store.limits.lock() = limits.clone();
        let room_left = smallest.saturating_sub(600);
        assert_eq!(room.limit(&store, 600), smallest, "{limits:?}");
        assert_eq!(taken(&room, &store, 10, 10 + room_left), Ok(()), "{limits:?}");
        assert_eq!(taken(&room, &store, 10, 11 + room_left), Err((1 + room_left, smallest)), "{limits:?}");
    }
}

/// The list of all processes is read for each question.
#[test]
fn a_write_that_takes_no_more_room_asks_for_no_limit() {
    let (room, store) = (Room::of(OWN), OneMock::default());
    *store.limits.lock() = vec![500];
    for (old, new) in [(0, 0), (10, 10), (10, 9)] {
        assert_eq!(taken(&room, &store, old, new), Ok(()));
    }
    assert_eq!(store.asked.load(Ordering::Relaxed), 0);
    assert_eq!(taken(&room, &store, 10, 11), Err((1, 500)));
    assert_eq!(store.asked.load(Ordering::Relaxed), 1);
}
