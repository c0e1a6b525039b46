-- Identifiers sort by their bytes, so that an index means the same on every machine.
CREATE TABLE documents (
    id text COLLATE "C" PRIMARY KEY,
    digest text NOT NULL,
    size bigint NOT NULL,
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE notes (
    id bigserial PRIMARY KEY,
    client text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (client, seq)
);

CREATE TABLE idempotency (
    key text COLLATE "C" PRIMARY KEY,
    request text NOT NULL,
    status int NOT NULL,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);
