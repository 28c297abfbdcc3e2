//! Groups of callers: each has its permits at a dependency, and leaves the others theirs.

use std::time::Duration;

use evenkeel_resilience::bulkhead::{BulkheadRules, Load};
use evenkeel_resilience::policy::{CallError, GroupRules, Guard, MAX_GROUPS};
use evenkeel_resilience::{Policy, Rules};
use tokio::time::Instant;
use vitals::{Registry, TableValue};

const MILLI: Duration = Duration::from_millis(1);

fn bulkhead(permits: u32, queue: u32) -> BulkheadRules {
    BulkheadRules::default().permits(permits).queue(queue).patience(100 * MILLI)
}

/// Four permits, two of which may be the batch's.
fn rules() -> Rules {
    Rules::NONE.bulkhead(bulkhead(4, 4)).groups(vec![GroupRules::new("batch", bulkhead(2, 1))])
}

fn bank() -> (Policy, Policy) {
    let policy = Policy::new("bank", rules()).expect("rules that make sense");
    let batch = policy.group("batch").expect("the rules name it");
    (policy, batch)
}

/// Calls that have begun, and end when they are aborted.
async fn hanging(policy: &Policy, times: usize) -> Vec<tokio::task::JoinHandle<()>> {
    let hang = |policy: Policy| async move {
        let _ = policy.call(|_| std::future::pending::<Result<(), ()>>()).await;
    };
    let calls = (0..times).map(|_| tokio::spawn(hang(policy.clone()))).collect();
    tokio::task::yield_now().await;
    calls
}

async fn quick(policy: &Policy) -> Result<(), CallError<()>> {
    policy.call(async |_| Ok(())).await
}

#[tokio::test(start_paused = true)]
async fn a_hanging_group_leaves_the_others_their_permits() {
    let (bank, batch) = bank();
    let _hang = hanging(&batch, 2).await;
    assert_eq!(batch.bulkhead().load(), Load { in_flight: 2, waiting: 0 });
    assert_eq!(bank.bulkhead().load(), Load { in_flight: 2, waiting: 0 });
    let begun = Instant::now();
    let error = quick(&batch).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { guard: Guard::Bulkhead, .. }), "{error:?}");
    assert_eq!(begun.elapsed(), 100 * MILLI);
    assert_eq!(quick(&bank).await, Ok(()));
    assert_eq!(begun.elapsed(), 100 * MILLI, "the others do not wait");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_policy_and_the_group() {
    let (_, batch) = bank();
    let _hang = hanging(&batch, 3).await;
    let error = batch.call(async |_| Err::<(), _>("down")).await.unwrap_err();
    assert_eq!(error.to_string(), "bank/batch was not called: its bulkhead is full");
    assert_eq!(batch.name(), "bank");
}

#[tokio::test(start_paused = true)]
async fn a_released_permit_goes_to_the_next_call_of_the_group() {
    let (_, batch) = bank();
    let hang = hanging(&batch, 2).await;
    let (asked, ()) = tokio::join!(quick(&batch), async {
        tokio::time::sleep(50 * MILLI).await;
        hang[0].abort();
    });
    assert_eq!(asked, Ok(()));
    assert_eq!(batch.bulkhead().load(), Load { in_flight: 1, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn permits_of_a_group_are_part_of_those_of_the_policy() {
    let (bank, batch) = bank();
    let others = hanging(&bank, 4).await;
    let (asked, ()) = tokio::join!(quick(&batch), async {
        tokio::time::sleep(50 * MILLI).await;
        assert_eq!(bank.bulkhead().load(), Load { in_flight: 4, waiting: 1 });
        others[0].abort();
    });
    assert_eq!(asked, Ok(()));
    let _hang = hanging(&bank, 1).await;
    assert!(quick(&batch).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn permits_of_a_group_change_while_calls_wait() {
    let (bank, batch) = bank();
    let _hang = hanging(&batch, 2).await;
    let (asked, ()) = tokio::join!(quick(&batch), async {
        tokio::time::sleep(50 * MILLI).await;
        let groups = vec![GroupRules::new("batch", bulkhead(3, 1))];
        bank.change(rules().groups(groups)).expect("rules that make sense");
    });
    assert_eq!(asked, Ok(()));
    bank.change(rules().groups(Vec::new())).expect("rules that make sense");
    assert_eq!(quick(&batch).await, Ok(()), "without a group in the rules it is one of the others");
    assert!(bank.group("batch").is_err());
    bank.change(rules()).expect("rules that make sense");
    let again = bank.group("batch").expect("the rules name it again");
    assert_eq!(again.bulkhead().load(), Load { in_flight: 2, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn handles_of_a_group_share_its_permits_and_the_registry_shows_them() {
    let (bank, batch) = bank();
    let registry = Registry::new();
    bank.register(&registry);
    let _hang = hanging(&batch, 2).await;
    let again = bank.group("batch").expect("the rules name it");
    assert!(quick(&again).await.is_err());
    let tables = registry.snapshot();
    let seen = tables.iter().find(|snapshot| snapshot.table.name == "policy_group").expect("a table");
    let expected = [
        TableValue::text("bank"),
        TableValue::text("batch"),
        TableValue::Level(2.0),
        TableValue::Level(2.0),
        TableValue::Level(0.0),
    ];
    assert_eq!(seen.rows[0][..5], expected);
    assert_eq!(seen.rows[0][5], TableValue::Count(1));
}

#[test]
fn invalid_groups_are_rejected() {
    let told = |groups| rules().groups(groups).check().unwrap_err();
    let group = |name: &str, permits| GroupRules::new(name, bulkhead(permits, 0));
    assert!(told(vec![group("batch", 4)]).to_string().contains("leave some to the others"));
    assert!(told(vec![group("batch", 0)]).to_string().contains("\"batch\": a bulkhead without permits"));
    assert!(told(vec![group("batch", 1), group("batch", 2)]).to_string().contains("a name of its own"));
    assert!(told(vec![group(" ", 1)]).to_string().contains("a name of its own"));
    let many = (0..=MAX_GROUPS).map(|number| group(&number.to_string(), 1)).collect();
    assert!(told(many).to_string().contains("at most 16"));
    let whole = Policy::new("bank", rules()).expect("rules that make sense");
    assert_eq!(whole.group("bulk").unwrap_err().to_string(), "bank has no group \"bulk\"; its rules name [\"batch\"]");
}
