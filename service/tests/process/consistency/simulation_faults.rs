//! Planted faults in simulated time. The checker has to find each fault.

use std::time::Duration;

use echo_service::replica::Lease;

use super::{
    plant::Plant,
    simulated_clients::{CALL, LISTING_OF_VERB, Requests},
    simulation::{LEASE, SOUND, Setting, judge},
};

fn assert_found(seeds: u64, setting: Setting) {
    assert_found_as("not linearizable", seeds, setting);
}

fn assert_found_as(what: &str, seeds: u64, setting: Setting) {
    let (why, _) = judge(0..seeds, setting);
    assert!(why.as_ref().is_some_and(|why| why.contains(what)), "{why:?}");
}

/// The process then answers 503.
#[test]
fn a_raise_while_an_old_process_lives_is_found() {
    assert_found_as("does not know the format", 2_000, Setting { plant: Plant::BlindRaise, ..SOUND });
}

#[test]
fn a_format_that_is_refused_without_a_reading_is_found() {
    assert_found_as("refused after the raise", 2_000, Setting { plant: Plant::CachedRefusal, ..SOUND });
}

#[test]
fn a_raise_that_is_no_entry_of_the_log_is_found() {
    assert_found_as("the format was put back", 2_000, Setting { plant: Plant::RaiseOutsideLog, ..SOUND });
}

/// By a wrong answer or by the digest, whichever is first.
#[test]
fn a_load_that_lacks_an_item_is_found() {
    let (why, _) = judge(0..2_000, Setting { plant: Plant::OldLoad, ..SOUND });
    let is_found = |why: &String| why.contains("not linearizable") || why.contains("differs from the digest");
    assert!(why.as_ref().is_some_and(is_found), "{why:?}");
}

#[test]
fn a_lease_longer_than_the_wait_is_found() {
    let long = Lease { term: LEASE.term * 3, poll: LEASE.poll * 6 };
    assert_found(2_000, Setting { leases: [LEASE, LEASE, long], ..SOUND });
}

#[test]
fn an_older_log_is_found() {
    assert_found(2_000, Setting { plant: Plant::StaleLog, ..SOUND });
}

#[test]
fn a_miss_answered_by_an_older_log_is_found() {
    assert_found(2_000, Setting { plant: Plant::StaleLog, requests: Requests::Misses(CALL), ..SOUND });
}

#[test]
fn a_listing_of_a_verb_from_an_older_log_is_found() {
    assert_found(2_000, Setting { plant: Plant::StaleLog, requests: Requests::Misses(LISTING_OF_VERB), ..SOUND });
}

#[test]
fn a_part_of_the_log_that_counts_as_the_whole_is_found() {
    assert_found(2_000, Setting { plant: Plant::PartAsLog, ..SOUND });
}

#[test]
fn a_lost_write_is_found() {
    assert_found(2_000, Setting { plant: Plant::LostWrites, ..SOUND });
}

#[test]
fn a_move_in_halves_is_found() {
    assert_found(2_000, Setting { plant: Plant::MovesInHalves, ..SOUND });
}

#[test]
fn several_changes_made_one_after_the_other_are_found() {
    assert_found(2_000, Setting { plant: Plant::EntriesInParts, ..SOUND });
}

/// A replica that hardly waits. Without the fault, nothing is found among creations and calls.
fn assert_hasty_creations_are_found(requests: Requests) {
    let hiding = Setting { requests, ..SOUND };
    assert_eq!(judge(0..500, hiding).0, None);
    let hasty = Lease { term: Duration::from_millis(1), ..LEASE };
    assert_found(2_000, Setting { leases: [LEASE, LEASE, hasty], ..hiding });
}

#[test]
fn a_hiding_creation_acknowledged_at_once_is_found() {
    assert_hasty_creations_are_found(Requests::Hiding);
}

/// By tests only: all mocks have one place.
#[test]
fn a_creation_that_hides_by_tests_and_is_acknowledged_at_once_is_found() {
    assert_hasty_creations_are_found(Requests::HidingByTests);
}

#[test]
fn an_index_that_forgets_a_shape_is_found() {
    assert_found(2_000, Setting { plant: Plant::ForgottenShape, ..SOUND });
}

#[test]
fn an_order_that_differs_between_replicas_is_found() {
    assert_found(2_000, Setting { plant: Plant::OtherOrder, ..SOUND });
}

#[test]
fn a_number_of_tests_that_differs_between_replicas_is_found() {
    assert_found(2_000, Setting { plant: Plant::OtherCount, ..SOUND });
}

/// Without the fault, nothing is found among the same requests.
fn assert_turns_are_judged(plant: Plant) {
    let setting = Setting { requests: Requests::Turns, ..SOUND };
    assert_eq!(judge(0..300, setting).0, None);
    assert_found(2_000, Setting { plant, ..setting });
}

#[test]
fn a_turn_given_twice_is_found() {
    assert_turns_are_judged(Plant::TurnTwice);
}

#[test]
fn turns_reserved_by_a_replica_are_found() {
    assert_turns_are_judged(Plant::BlockOfTurns);
}

#[test]
fn a_turn_asked_for_twice_is_found() {
    assert_turns_are_judged(Plant::RetriedTurn);
}

#[test]
fn an_id_by_the_time_of_one_process_is_found() {
    let ahead = [0, 1, 3_600].map(Duration::from_secs);
    assert_found_as("an id is too small", 2_000, Setting { plant: Plant::OwnIds, ahead, ..SOUND });
}

#[test]
fn a_set_written_without_its_condition_is_found() {
    assert_found(2_000, Setting { plant: Plant::UnguardedSets, requests: Requests::Sets, ..SOUND });
}

/// A replica that hardly waits. Nothing but sets is written, and without the fault nothing is found.
#[test]
fn a_set_acknowledged_before_all_replicas_show_it_is_found() {
    assert_hasty_creations_are_found(Requests::SetsAlone);
}
