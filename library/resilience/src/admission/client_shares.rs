//! Fair shares of the clients of one class: the slots of clients with queued requests, each with a virtual time.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng, "Start-time Fair Queueing", SIGCOMM 1996) with requests as the unit: the client with the least virtual
//! time is next, and its time advances by one with each admitted request.

/// Clients with a slot of their own in each class; more share the slots by hash.
pub const MAX_CLIENTS: usize = 256;
/// Requests that a client can be behind its share: a burst of a client that took less than its share is not delayed by those that take more.
const CREDIT: u64 = 4;
/// Seconds after which clients that share slots are mixed anew.
const MIXED: f64 = 3600.0;

/// Clients of a class.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientShares {
    keys: Vec<u64>,
    slots: Vec<Slot>,
    /// Virtual time of the request that was admitted last.
    now: u64,
    /// Latest virtual time of all clients.
    latest: u64,
    active: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    time: u64,
    queued: u32,
}

impl ClientShares {
    /// Returns the slot of a client that enters the queue, and counts the request.
    pub(super) fn enter(&mut self, key: u64, now: f64) -> u16 {
        let index = self.slot_of(key, now);
        let slot = &mut self.slots[index];
        if slot.queued == 0 {
            slot.time = slot.time.max(self.now.saturating_sub(CREDIT));
            self.active += 1;
        }
        slot.queued += 1;
        index as u16
    }

    /// Removes a request from the count of its slot.
    pub(super) fn leave(&mut self, slot: u16) {
        let slot = &mut self.slots[usize::from(slot)];
        slot.queued -= 1;
        if slot.queued == 0 {
            self.active -= 1;
            if self.active == 0 {
                // The end of a busy period forgives the rest.
                self.now = self.latest;
            }
        }
    }

    /// Charges a slot for an admitted request.
    pub(super) fn charge(&mut self, slot: u16) {
        let slot = &mut self.slots[usize::from(slot)];
        self.now = self.now.max(slot.time);
        slot.time += 1;
        self.latest = self.latest.max(slot.time);
    }

    /// Returns the slot with the least virtual time of those that pass, if any.
    pub(super) fn next(&self, mut passes: impl FnMut(u16) -> bool) -> Option<u16> {
        let mut best: Option<(u64, u16)> = None;
        for (index, slot) in self.slots.iter().enumerate() {
            let earlier = best.is_none_or(|(time, _)| slot.time < time);
            if slot.queued > 0 && earlier && passes(index as u16) {
                best = Some((slot.time, index as u16));
            }
        }
        best.map(|(_, index)| index)
    }

    /// Returns the number of queued requests of the slot that has the most of those that pass, and what they passed with.
    pub(super) fn longest<T>(&self, passes: impl Fn(u16) -> Option<T>) -> Option<(u32, T)> {
        let mut longest: Option<(u32, T)> = None;
        for (index, slot) in self.slots.iter().enumerate() {
            if slot.queued > longest.as_ref().map_or(0, |(queued, _)| *queued)
                && let Some(passed) = passes(index as u16)
            {
                longest = Some((slot.queued, passed));
            }
        }
        longest
    }

    /// Returns true when a slot has more queued requests than `bound`.
    pub(super) fn any_above(&self, bound: u32) -> bool {
        self.slots.iter().any(|slot| slot.queued > bound)
    }

    /// Returns the number of queued requests of a client, 0 when it has no slot.
    pub(super) fn queued_of(&self, key: u64) -> u32 {
        self.keys.iter().position(|known| *known == key).map_or(0, |index| self.slots[index].queued)
    }

    fn slot_of(&mut self, key: u64, now: f64) -> usize {
        if let Some(known) = self.keys.iter().position(|known| *known == key) {
            return known;
        }
        let time = self.now;
        let free = self.slots.iter().position(|slot| slot.queued == 0 && slot.time <= time);
        let slot = Slot { time, queued: 0 };
        match free {
            Some(free) => {
                (self.keys[free], self.slots[free]) = (key, slot);
                free
            }
            None if self.slots.len() < MAX_CLIENTS => {
                self.keys.push(key);
                self.slots.push(slot);
                self.slots.len() - 1
            }
            None => (mix(key ^ mix((now / MIXED) as u64)) % MAX_CLIENTS as u64) as usize,
        }
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_with_the_fewest_admitted_requests_is_next() {
        let mut shares = ClientShares::default();
        let wild = shares.enter(1, 0.0);
        (0..9).for_each(|_| assert_eq!(shares.enter(1, 0.0), wild));
        let calm = shares.enter(2, 0.0);
        shares.enter(2, 0.0);
        let order: Vec<u16> = (0..4)
            .map(|_| {
                let next = shares.next(|_| true).unwrap();
                shares.charge(next);
                shares.leave(next);
                next
            })
            .collect();
        assert_eq!(order, [wild, calm, wild, calm]);
        assert_eq!(shares.longest(Some), Some((8, wild)));
    }

    #[test]
    fn clients_beyond_the_bound_share_slots_and_come_back_out_of_them() {
        let mut shares = ClientShares::default();
        let slots: Vec<u16> = (0..1000).map(|key| shares.enter(key, 0.0)).collect();
        assert_eq!(shares.slots.len(), MAX_CLIENTS);
        slots.into_iter().for_each(|slot| shares.leave(slot));
        assert_eq!((shares.active, shares.longest(Some)), (0, None));
    }

    #[test]
    fn slots_of_clients_that_left_are_used_again() {
        let mut shares = ClientShares::default();
        for key in 0..10_000 {
            let slot = shares.enter(key, 0.0);
            shares.charge(slot);
            shares.leave(slot);
        }
        assert_eq!(shares.slots.len(), 1);
    }
}
