-- Who runs the operations of a cluster, until when by the servers' clocks. The token rises with every new holder.
CREATE TABLE leases (
    cluster TEXT PRIMARY KEY REFERENCES clusters (id),
    holder  TEXT NOT NULL,
    token   INTEGER NOT NULL,
    until   INTEGER NOT NULL
) STRICT;

-- What the cloud refused to sell for a cluster, and until when it is not asked for again, by the clock of its world.
CREATE TABLE unavailable_offerings (
    cluster TEXT NOT NULL REFERENCES clusters (id),
    offer   TEXT NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (cluster, offer)
) STRICT;
