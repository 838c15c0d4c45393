//! Runs a model, and prints a violation as a story.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use stateright::{Checker, Expectation, Model};

/// A model whose histories can be explored.
pub trait Protocol:
    Model<
        State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
        Action: Clone + Debug + Display + PartialEq + Send + Sync,
    > + Send
    + Sync
    + 'static
{
}

impl<M> Protocol for M
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + Display + PartialEq + Send + Sync,
{
}

/// The number of random histories of each model in `npm test`; `HISTORIES` sets another number,
/// with other histories.
const HISTORIES: u64 = 500;

/// The result of exploring a model.
pub struct Walk {
    /// The number of states.
    pub states: usize,
    /// The shortest history that violates a property, one line for each step; empty if there is
    /// none.
    pub story: Vec<String>,
}

/// Explores all states of a model breadth first, so that a story is as short as possible.
pub fn walk<M: Protocol>(model: M) -> Walk {
    let checker = model.checker().spawn_bfs().join();
    let discovery = checker.discoveries().into_iter().next();
    let story = discovery.map(|(property, path)| tell(property, &path.into_actions()));
    Walk { states: checker.unique_state_count(), story: story.unwrap_or_default() }
}

/// Explores all states of a model; fails with a story if a property is violated.
pub fn check<M: Protocol>(name: &str, model: M) {
    let begun = Instant::now();
    let Walk { states, story } = walk(model);
    println!("{name}: {states} states, {:.1} s", begun.elapsed().as_secs_f32());
    assert!(story.is_empty(), "{name}: {}", story.join("\n"));
}

/// Runs random histories of up to `steps` steps, each with its own seed. Fails with the seed and a
/// story if a property is violated.
pub fn wander<M: Protocol>(name: &str, model: &M, steps: usize) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match number("SEED") {
        Some(seed) => (seed, 1),
        None => (first_seed(), number("HISTORIES").unwrap_or(HISTORIES)),
    };
    let begun = Instant::now();
    for seed in (first..).take(usize::try_from(count).expect("a number of histories")) {
        if let Err(story) = history(model, seed, steps) {
            panic!("{name}: SEED={seed} finds it again. {}", story.join("\n"));
        }
    }
    let seconds = begun.elapsed().as_secs_f32();
    println!("{name}: {count} histories from seed {first} on, {seconds:.1} s");
}

/// Each run with `HISTORIES` has other seeds.
fn first_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
    now.as_secs() * 1_000_000
}

/// The history of one seed.
fn history<M: Protocol>(model: &M, seed: u64, steps: usize) -> Result<(), Vec<String>> {
    let mut random = Random(seed);
    let starts = model.init_states();
    let mut state = random.one_of(&starts).expect("a model begins somewhere").clone();
    let (mut story, mut actions) = (Vec::new(), Vec::new());
    for _ in 0..steps {
        actions.clear();
        model.actions(&state, &mut actions);
        let Some(action) = random.one_of(&actions).cloned() else { break };
        let Some(next) = model.next_state(&state, action.clone()) else { continue };
        state = next;
        story.push(action);
        for property in model.properties() {
            let holds = (property.condition)(model, &state);
            if matches!(property.expectation, Expectation::Always) && !holds {
                return Err(tell(property.name, &story));
            }
        }
    }
    Ok(())
}

fn tell<A: Display>(property: &str, actions: &[A]) -> Vec<String> {
    let steps = actions.iter().enumerate().map(|(n, action)| format!("{}. {action}", n + 1));
    std::iter::once(format!("[{property}] does not hold after this:")).chain(steps).collect()
}

/// Pseudo-random numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let length = u64::try_from(all.len()).ok().filter(|length| *length > 0)?;
        all.get(usize::try_from(self.next() % length).ok()?)
    }
}
