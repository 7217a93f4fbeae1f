//! Of several requests that race for one verb and path, exactly one wins; the others get 409. After the answer to POST,
//! PATCH or DELETE, every later request sees the change.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use serde_json::json;

use crate::{
    shape::{assert_refused, assert_refused_at},
    support::{Answer, Echo, changes, new_endpoint},
};

const RACERS: usize = 12;
const ROUNDS: usize = 10;

/// Sends requests on as many threads at the same time, and returns the answers in the order of the racers.
fn race(request: impl Fn(usize) -> Answer + Sync) -> Vec<Answer> {
    let start = Barrier::new(RACERS);
    thread::scope(|scope| {
        let run = |racer| {
            let (start, request) = (&start, &request);
            scope.spawn(move || {
                start.wait();
                request(racer)
            })
        };
        let racers: Vec<_> = (0..RACERS).map(run).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    })
}

/// The only winner with its answer, and the answers of the others.
fn the_winner(answers: &[Answer], status: u16) -> (usize, &Answer, Vec<&Answer>) {
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    let won = |(_, answer): &(usize, &Answer)| answer.status == status;
    let (winners, losers): (Vec<_>, Vec<_>) = answers.iter().enumerate().partition(won);
    assert_eq!(winners.len(), 1, "{statuses:?}");
    (winners[0].0, winners[0].1, losers.into_iter().map(|(_, answer)| answer).collect())
}

#[test]
fn of_racing_posts_exactly_one_wins_and_the_others_get_its_id() {
    let echo = Echo::start(&[]);
    for round in 0..ROUNDS {
        let path = format!("/{round}/~goal");
        // Different spellings of one path.
        let spelling = |racer| if racer % 2 == 0 { path.clone() } else { path.replace('~', "%7e") };
        let answers = race(|racer| {
            echo.post(&new_endpoint("GET", &spelling(racer), json!({"code": 200, "body": racer.to_string()})))
        });
        let (racer, winner, losers) = the_winner(&answers, 201);
        let id = winner.json()["data"]["id"].as_str().unwrap().to_owned();
        for loser in losers {
            assert_refused_at(loser, 409, "/data/attributes/path", "a loser");
            assert!(loser.details().contains(&id), "{} does not name {id}", loser.details());
        }
        assert_eq!(echo.call("GET", &path).text(), racer.to_string());
        let listed = echo.get(&format!("/endpoints?filter[path]={path}")).json();
        assert_eq!(listed["data"], json!([winner.json()["data"]]));
    }
}

#[test]
fn racing_posts_for_different_verbs_or_paths_all_succeed() {
    let echo = Echo::start(&[]);
    let answers = race(|racer| {
        let verb = ["GET", "POST", "PUT"][racer % 3];
        echo.post(&new_endpoint(verb, &format!("/{}", racer / 3), json!({"code": 200})))
    });
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
}

#[test]
fn of_racing_patches_to_one_path_exactly_one_wins() {
    let echo = Echo::start(&[]);
    let ids: Vec<_> = (0..RACERS)
        .map(|n| echo.create("GET", &format!("/start/{n}"), json!({"code": 200, "body": n.to_string()})))
        .collect();
    for round in 0..ROUNDS {
        let path = format!("/{round}/goal");
        let answers = race(|racer| echo.patch(&ids[racer], &changes(json!({"path": path}))));
        let (racer, _, losers) = the_winner(&answers, 200);
        for loser in losers {
            assert_refused_at(loser, 409, "/data/attributes/path", "a loser");
            assert!(loser.details().contains(&ids[racer]), "{} does not name {}", loser.details(), ids[racer]);
        }
        assert_eq!(echo.call("GET", &path).text(), racer.to_string());
    }
}

#[test]
fn of_a_post_and_patches_racing_for_one_path_exactly_one_wins() {
    let echo = Echo::start(&[]);
    let ids: Vec<_> = (0..RACERS).map(|n| echo.create("GET", &format!("/start/{n}"), json!({"code": 200}))).collect();
    for round in 0..ROUNDS {
        let path = format!("/{round}/goal");
        let answers = race(|racer| {
            if racer % 2 == 0 {
                echo.post(&new_endpoint("GET", &path, json!({"code": 200})))
            } else {
                echo.patch(&ids[racer], &changes(json!({"path": path})))
            }
        });
        let won = answers.iter().filter(|answer| matches!(answer.status, 200 | 201)).count();
        let lost = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((won, lost), (1, RACERS - 1), "{answers:?}");
        assert_eq!(echo.call("GET", &path).status, 200);
    }
}

#[test]
fn racing_patches_of_different_members_all_take_effect() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    for round in 0..ROUNDS {
        let answers = race(|racer| {
            let response = match racer {
                0 => json!({"code": 400 + round}),
                1 => json!({"headers": {"X-Round": round.to_string()}}),
                2 => json!({"body": round.to_string()}),
                _ => return echo.call("GET", "/x"),
            };
            echo.patch(&id, &changes(json!({"response": response})))
        });
        assert!(answers[..3].iter().all(|answer| answer.status == 200), "{answers:?}");
        let served = echo.call("GET", "/x");
        let text = round.to_string();
        assert_eq!(usize::from(served.status), 400 + round);
        assert_eq!((served.header("x-round"), served.text()), (Some(&*text), text.clone()));
    }
}

#[test]
fn of_racing_changes_to_one_version_exactly_one_wins() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let path = format!("/endpoints/{id}");
    for _ in 0..ROUNDS {
        let tag = format!("If-Match: {}\r\n", echo.get(&path).header("etag").unwrap());
        let answers = race(|racer| {
            let document = changes(json!({"response": {"body": racer.to_string()}}));
            echo.manage("PATCH", &path, &tag, Some(&document))
        });
        let (racer, _, losers) = the_winner(&answers, 200);
        for loser in losers {
            assert_refused(loser, 412, "a loser");
        }
        assert_eq!(echo.call("GET", "/x").text(), racer.to_string());
    }
}

#[test]
fn of_racing_deletions_exactly_one_succeeds() {
    let echo = Echo::start(&[]);
    for _ in 0..ROUNDS {
        let id = echo.create("GET", "/x", json!({"code": 200}));
        let answers = race(|_| echo.delete(&id));
        let (_, _, losers) = the_winner(&answers, 204);
        for loser in losers {
            assert_refused(loser, 404, "a loser");
            assert_eq!(loser.details(), format!("Requested Endpoint with ID `{id}` does not exist"));
        }
        assert_eq!(echo.call("GET", "/x").status, 404);
    }
}

#[test]
fn an_acknowledged_write_is_seen_by_every_later_request_on_every_connection() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/counter", json!({"code": 200, "body": "0"}));
    let acknowledged = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let known = acknowledged.load(Ordering::SeqCst);
                    let seen: u64 = echo.call("GET", "/counter").text().parse().unwrap();
                    assert!(seen >= known, "{seen} is served after {known} was acknowledged");
                }
            });
        }
        for n in 1..=200 {
            let answer = echo.patch(&id, &changes(json!({"response": {"body": n.to_string()}})));
            assert_eq!(answer.status, 200);
            acknowledged.store(n, Ordering::SeqCst);
        }
    });
}
