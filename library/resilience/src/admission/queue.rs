//! The queue: classes by strict priority, within a class clients by fair share, within a client by arrival.

use super::client_shares::ClientShares;
use super::decision::Ticket;
use crate::criticality::Criticality;

/// The most queued requests.
pub const MAX_QUEUE: usize = 4096;
/// The most slots: one more, as the slot of an evicted request is free only after its verdict was taken.
const MAX_SLOTS: usize = MAX_QUEUE + 1;
/// The most routes.
pub const MAX_ROUTES: usize = 256;

/// Requests that a client may have in the queue beyond twice those of another client before it makes room for it.
const TOLERATED: u32 = 4;
const CLASSES: usize = Criticality::ALL.len();
const NONE: u32 = u32::MAX;

/// A queued request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) route: u16,
    /// Seconds from the arrival until it was queued.
    pub(super) age: f64,
    /// Moment at which it was queued.
    pub(super) queued: f64,
    pub(super) class: u8,
    /// Another client had clearly more in the queue when it came: it is served soon.
    pub(super) light: bool,
    client: u16,
    generation: u32,
    live: bool,
    /// Neighbours in the list of its client.
    older: u32,
    newer: u32,
}

/// Oldest and newest request of a client.
#[derive(Clone, Copy, Debug)]
struct Ends {
    oldest: u32,
    newest: u32,
}

#[derive(Clone, Debug)]
struct Class {
    clients: ClientShares,
    ends: Vec<Ends>,
    queued: u32,
    of_route: Vec<u16>,
}

/// End of a client's list that is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// First in, first out.
    OldestFirst,
    /// Last in, first out.
    NewestFirst,
}

/// All queued requests.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    entries: Vec<Entry>,
    free: Vec<u32>,
    classes: [Class; CLASSES],
    queued: u32,
}

impl Entry {
    pub(super) const fn class(&self) -> Criticality {
        Criticality::ALL[self.class as usize]
    }
}

impl Queue {
    pub(super) fn new() -> Self {
        let class =
            || Class { clients: ClientShares::default(), ends: Vec::new(), queued: 0, of_route: vec![0; MAX_ROUTES] };
        Self { entries: Vec::new(), free: Vec::new(), classes: std::array::from_fn(|_| class()), queued: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.queued as usize
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// Queued requests of a class.
    pub(super) fn len_of(&self, class: Criticality) -> u32 {
        self.classes[class as usize].queued
    }

    /// Queued requests from each class on.
    pub(super) fn len_from(&self) -> [u32; CLASSES] {
        let mut above = 0;
        let mut len = [0; CLASSES];
        for (len, class) in len.iter_mut().zip(&self.classes).rev() {
            above += class.queued;
            *len = above;
        }
        len
    }

    /// Adds a request; none when all slots are taken.
    pub(super) fn push(&mut self, class: Criticality, client: u64, route: u16, age: f64, now: f64) -> Option<Ticket> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.entries.len() < MAX_SLOTS => {
                let live = false;
                let entry = Entry {
                    route,
                    age,
                    queued: now,
                    class: 0,
                    light: false,
                    client: 0,
                    generation: 0,
                    live,
                    older: NONE,
                    newer: NONE,
                };
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
            None => return None,
        };
        let light = self.is_light(class, client);
        let of_class = &mut self.classes[class as usize];
        let slot = of_class.clients.enter(client, now);
        if of_class.ends.len() <= usize::from(slot) {
            of_class.ends.resize(usize::from(slot) + 1, Ends { oldest: NONE, newest: NONE });
        }
        let ends = &mut of_class.ends[usize::from(slot)];
        let older = std::mem::replace(&mut ends.newest, index);
        if older == NONE {
            ends.oldest = index;
        } else {
            self.entries[older as usize].newer = index;
        }
        of_class.queued += 1;
        of_class.of_route[usize::from(route)] += 1;
        self.queued += 1;
        let entry = &mut self.entries[index as usize];
        let generation = entry.generation;
        *entry = Entry {
            route,
            age,
            queued: now,
            class: class as u8,
            light,
            client: slot,
            generation,
            live: true,
            older,
            newer: NONE,
        };
        Some(Ticket { index, generation })
    }

    /// Takes a request out. Its slot is used again after `release`.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Entry> {
        let entry = *self.entries.get(ticket.index as usize)?;
        if !entry.live || entry.generation != ticket.generation {
            return None;
        }
        let class = &mut self.classes[usize::from(entry.class)];
        let ends = &mut class.ends[usize::from(entry.client)];
        match entry.older {
            NONE => ends.oldest = entry.newer,
            older => self.entries[older as usize].newer = entry.newer,
        }
        match entry.newer {
            NONE => ends.newest = entry.older,
            newer => self.entries[newer as usize].older = entry.older,
        }
        class.clients.leave(entry.client);
        class.queued -= 1;
        class.of_route[usize::from(entry.route)] -= 1;
        self.queued -= 1;
        let left = &mut self.entries[ticket.index as usize];
        (left.live, left.generation) = (false, entry.generation.wrapping_add(1));
        Some(entry)
    }

    /// Frees the slot of a request that was taken out.
    pub(super) fn release(&mut self, ticket: Ticket) {
        self.free.push(ticket.index);
    }

    /// Returns the next request: of the highest class that has room, in it of the client with the least virtual time, whose route has room.
    pub(super) fn next(
        &self,
        order: Order,
        class_has_room: impl Fn(Criticality) -> bool,
        has_room: &mut dyn FnMut(u16) -> bool,
    ) -> Option<Ticket> {
        self.classes.iter().zip(Criticality::ALL).rev().find_map(|(class, criticality)| {
            if class.queued == 0
                || !class_has_room(criticality)
                || !class.of_route.iter().enumerate().any(|(route, queued)| *queued > 0 && has_room(route as u16))
            {
                return None;
            }
            let mut found = None;
            class.clients.next(|client| {
                let first = self.first_of(class, client, order, has_room);
                found = first.or(found);
                first.is_some()
            })?;
            found.map(|index: u32| self.ticket(index))
        })
    }

    /// Charges the client of an admitted request; call it after `remove`.
    pub(super) fn charge(&mut self, entry: &Entry) {
        self.classes[usize::from(entry.class)].clients.charge(entry.client);
    }

    /// Returns the request to refuse when there is one too many, of a route or of all: of the lowest class, in it of the client with the most requests. None
    /// when that is the arrival itself, of this class and client.
    pub(super) fn victim(&self, class: Criticality, client: u64, order: Order, route: Option<u16>) -> Option<Ticket> {
        let lowest = self.classes.iter().position(|class| match route {
            Some(route) => class.of_route[usize::from(route)] > 0,
            None => class.queued > 0,
        })?;
        if lowest > class as usize {
            return None;
        }
        let of_class = &self.classes[lowest];
        // The end that is served last.
        let last_of = |client: u16| self.last_of(of_class, client, order, route);
        let (queued, last) = of_class.clients.longest(last_of)?;
        let own = of_class.clients.queued_of(client) + 1;
        // First in, first out: the arrival waits longest, so it goes, unless another client has more.
        if lowest == class as usize && order == Order::OldestFirst && own > queued {
            return None;
        }
        Some(self.ticket(last))
    }

    /// Returns true when a queued request should leave for an arrival of this class and client: it is of a lower class, or its client has clearly
    /// more in the queue than this one. Small differences are left, because to evict costs more than to refuse.
    pub(super) fn would_make_room(&self, class: Criticality, client: u64) -> bool {
        let Some(lowest) = self.classes.iter().position(|class| class.queued > 0) else { return false };
        if lowest != class as usize {
            return lowest < class as usize;
        }
        self.is_light(class, client)
    }

    /// True when another client of the class has clearly more in the queue than this one.
    pub(super) fn is_light(&self, class: Criticality, client: u64) -> bool {
        let clients = &self.classes[class as usize].clients;
        clients.any_above(2 * clients.queued_of(client) + TOLERATED)
    }

    /// All queued requests, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Ticket, &Entry)> {
        let live = self.entries.iter().enumerate().filter(|(_, entry)| entry.live);
        live.map(|(index, entry)| (Ticket { index: index as u32, generation: entry.generation }, entry))
    }

    fn first_of(&self, class: &Class, client: u16, order: Order, has_room: &mut dyn FnMut(u16) -> bool) -> Option<u32> {
        let ends = class.ends[usize::from(client)];
        let mut index = if order == Order::OldestFirst { ends.oldest } else { ends.newest };
        // Bounded by the number of queued requests.
        while index != NONE {
            let entry = &self.entries[index as usize];
            if has_room(entry.route) {
                return Some(index);
            }
            index = if order == Order::OldestFirst { entry.newer } else { entry.older };
        }
        None
    }

    /// The request of a client that is served last, of a route or of all.
    fn last_of(&self, class: &Class, client: u16, order: Order, route: Option<u16>) -> Option<u32> {
        let reversed = if order == Order::OldestFirst { Order::NewestFirst } else { Order::OldestFirst };
        self.first_of(class, client, reversed, &mut |of| route.is_none_or(|route| route == of))
    }

    fn ticket(&self, index: u32) -> Ticket {
        Ticket { index, generation: self.entries[index as usize].generation }
    }
}
