//! What a node of one offering may hold, with what each pod of it is worth: a bounded knapsack.

/// Most resources that a knapsack keeps apart; of more, it forgets those that are asked for least. (A
/// content that keeps to all resources keeps to these, so what is proven holds.)
pub const RESOURCES_MAX: usize = 12;
/// Capacities are scaled to this many bits: exact below, rounded to the content's favour above.
pub const CAPACITY_BITS: u32 = 40;
/// Worth is counted in parts of 1e-15 USD per hour, so many bits of them, so that rounding costs nothing.
pub const PART_BITS: u32 = 16;
/// Bits of the greatest total worth that is computed with, in parts.
const WORTH_BITS: u32 = 120;

/// An amount of each resource, in parts of the capacity; unused ones are 0.
pub type Amounts = [i64; RESOURCES_MAX];

/// Equal pods that a node may hold.
pub struct Item<'a> {
    /// Index of the demand.
    pub demand: usize,
    /// What one is worth, in 1e-15 USD per hour; 0 or more.
    pub value: i128,
    /// Most of them.
    pub count: i64,
    /// What one asks for, in the order of the problem's resources.
    pub request: &'a [i64],
}

/// An item in the knapsack's own units.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Index of the demand.
    pub demand: usize,
    /// What one is worth, in parts; above 0.
    pub value: i128,
    /// Most of them; 1 or more.
    pub count: i64,
    /// What one asks for.
    pub size: Amounts,
}

/// A bounded knapsack in some resources.
#[derive(Clone)]
pub struct Knapsack {
    /// Resources in use: the first so many of all [`Amounts`].
    pub dims: usize,
    /// What there is of each.
    pub room: Amounts,
    /// What may go in.
    pub entries: Vec<Entry>,
}

impl Knapsack {
    /// A node of `capacity` and what may go in. None: it may be worth more than can be computed with.
    pub fn new<'a>(capacity: &[i64], items: impl IntoIterator<Item = Item<'a>>) -> Option<Self> {
        let items: Vec<_> = items.into_iter().filter_map(|item| fitting(capacity, item)).collect();
        let worth = items.iter().try_fold(0_i128, |sum, item| {
            let sum = sum.checked_add(item.value.checked_mul(item.count.into())?)?;
            (sum >> (WORTH_BITS - PART_BITS) == 0).then_some(sum)
        });
        worth?;
        let resources = scarce(capacity, &items);
        let mut room = [0; RESOURCES_MAX];
        for (room, resource) in room.iter_mut().zip(&resources) {
            *room = scaled(capacity[*resource], capacity[*resource]);
        }
        let entry = |item: Item| {
            let mut size = [0; RESOURCES_MAX];
            for (size, resource) in size.iter_mut().zip(&resources) {
                *size = scaled(item.request[*resource], capacity[*resource]);
            }
            Entry { demand: item.demand, value: item.value << PART_BITS, count: item.count, size }
        };
        Some(Self { dims: resources.len(), room, entries: items.into_iter().map(entry).collect() })
    }

    /// How many more of an item fit into some room.
    pub fn fits(&self, room: &Amounts, size: &Amounts) -> i64 {
        let sizes = (0..self.dims).filter(|dim| 0 < size[*dim]);
        sizes.map(|dim| room[dim] / size[dim]).min().unwrap_or(i64::MAX)
    }
}

/// An item with no more of it than fit; none if nothing of it is worth anything here.
fn fitting<'a>(capacity: &[i64], item: Item<'a>) -> Option<Item<'a>> {
    let asked = capacity.iter().zip(item.request).filter(|(_, request)| 0 < **request);
    let fits = asked.map(|(capacity, request)| capacity / request).min().unwrap_or(i64::MAX);
    let count = item.count.min(fits);
    (0 < count && 0 < item.value).then_some(Item { count, ..item })
}

/// The resources of which there is not enough for all items, by falling want; [`RESOURCES_MAX`] at most.
fn scarce(capacity: &[i64], items: &[Item]) -> Vec<usize> {
    let asked = |resource: usize| -> i128 {
        items.iter().map(|item| i128::from(item.count) * i128::from(item.request[resource])).sum()
    };
    let mut wants: Vec<_> = (0..capacity.len())
        .map(|resource| (resource, asked(resource), i128::from(capacity[resource])))
        .filter(|(_, asked, capacity)| capacity < asked)
        .map(|(resource, asked, capacity)| (std::cmp::Reverse(asked / capacity), resource))
        .collect();
    wants.sort();
    wants.into_iter().take(RESOURCES_MAX).map(|(_, resource)| resource).collect()
}

/// An amount in units in which `capacity`, above 0, has [`CAPACITY_BITS`] bits; rounded down.
fn scaled(amount: i64, capacity: i64) -> i64 {
    let bits = 64 - capacity.leading_zeros();
    if bits <= CAPACITY_BITS { amount << (CAPACITY_BITS - bits) } else { amount >> (bits - CAPACITY_BITS) }
}
