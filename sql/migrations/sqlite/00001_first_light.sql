-- +goose Up
-- The same schema as on Postgres. Tables that are read by their key alone are
-- WITHOUT ROWID: the key is the table, kept once instead of twice.
CREATE TABLE apps (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    appid      TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL CHECK (kind IN ('official_account', 'mini_program')),
    created_at TIMESTAMP NOT NULL,
    -- The account whose a mini program is, where several share it; NULL until one imports.
    owner_id   BIGINT REFERENCES apps (id),
    -- When WeChat last told by an event what people allow.
    heard_at   TIMESTAMP,
    -- Keys the hashes by which the audit log names people; sealed, where there is a data key.
    audit_salt TEXT NOT NULL DEFAULT ''
);

CREATE TABLE tokens (
    appid            TEXT PRIMARY KEY,
    access_token     TEXT NOT NULL,
    fetched_at       TIMESTAMP NOT NULL,
    expires_at       TIMESTAMP NOT NULL
);

-- A lock that dies with its holder: it is renewed while the holder lives.
CREATE TABLE locks (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    since      TIMESTAMP NOT NULL,
    held_until TIMESTAMP NOT NULL
);

-- Tables of millions of rows name their app without a foreign key: it would be
-- checked row by row, and apps are never deleted.
CREATE TABLE followers (
    account_id      BIGINT NOT NULL,
    openid          TEXT NOT NULL,
    unionid         TEXT,
    subscribed      BOOLEAN NOT NULL,
    subscribe_time  TIMESTAMP,
    subscribe_scene TEXT NOT NULL DEFAULT '',
    remark          TEXT NOT NULL DEFAULT '',
    tags            TEXT NOT NULL DEFAULT '[]',
    first_seen_at   TIMESTAMP NOT NULL,
    details_at      TIMESTAMP NOT NULL,
    unfollowed_at   TIMESTAMP,
    -- As of when they were gone: what WeChat was asked before that is old news.
    gone_as_of      TIMESTAMP,
    refollowed_at   TIMESTAMP,
    -- How often details came without a unionid: the schedule slows with it.
    unionid_asks    SMALLINT NOT NULL DEFAULT 0,
    -- The run whose listing last brought the row; 0 when something else did.
    sync_run_id     BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, openid)
);
-- Few have a remark: people are looked for by it.
CREATE INDEX followers_remark ON followers (account_id, remark) WHERE remark <> '';
CREATE INDEX followers_unionid ON followers (account_id, unionid) WHERE unionid IS NOT NULL;
CREATE INDEX followers_without_unionid ON followers (account_id, openid) WHERE unionid IS NULL;

CREATE TABLE sync_runs (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   BIGINT NOT NULL REFERENCES apps (id),
    mode         TEXT NOT NULL CHECK (mode IN ('incremental', 'full')),
    started_at   TIMESTAMP NOT NULL,
    finished_at  TIMESTAMP,
    outcome      TEXT NOT NULL DEFAULT '',
    pages        INTEGER NOT NULL DEFAULT 0,
    next_openid  TEXT NOT NULL DEFAULT '',
    listed       BIGINT NOT NULL DEFAULT 0,
    listed_all   BOOLEAN NOT NULL DEFAULT FALSE,
    total        BIGINT NOT NULL DEFAULT 0,
    -- The listing was complete and the followers agree with it: the next run
    -- compares its own with this one's pages. One run of an account at most.
    is_base      BOOLEAN NOT NULL DEFAULT FALSE,
    -- Pages up to here have had all their details stored (full runs).
    fetched_pages INTEGER NOT NULL DEFAULT 0,
    asked        BIGINT NOT NULL DEFAULT 0,
    created      BIGINT NOT NULL DEFAULT 0,
    updated      BIGINT NOT NULL DEFAULT 0,
    unfollowed   BIGINT NOT NULL DEFAULT 0,
    list_calls   BIGINT NOT NULL DEFAULT 0,
    detail_calls BIGINT NOT NULL DEFAULT 0,
    single_calls BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX sync_runs_account ON sync_runs (account_id, id);

-- A page of a run's listing in one row, openids parted by spaces: a tenth of the
-- cost of a row each. Kept for the run at work and for the base.
CREATE TABLE sync_pages (
    account_id BIGINT NOT NULL,
    run_id     BIGINT NOT NULL REFERENCES sync_runs (id),
    page       INTEGER NOT NULL,
    openids    TEXT NOT NULL,
    PRIMARY KEY (account_id, run_id, page)
);

CREATE TABLE mini_users (
    mini_id     BIGINT NOT NULL,
    mini_openid TEXT NOT NULL,
    unionid     TEXT NOT NULL,
    created_at  TIMESTAMP NOT NULL,
    updated_at  TIMESTAMP NOT NULL,
    PRIMARY KEY (mini_id, mini_openid)
) WITHOUT ROWID;
CREATE INDEX mini_users_unionid ON mini_users (mini_id, unionid);

CREATE TABLE bridges (
    account_id  BIGINT NOT NULL,
    mini_id     BIGINT NOT NULL,
    openid      TEXT NOT NULL,
    mini_openid TEXT NOT NULL,
    unionid     TEXT NOT NULL,
    bridged_at  TIMESTAMP NOT NULL,
    PRIMARY KEY (account_id, mini_id, openid)
) WITHOUT ROWID;

-- How often an app's people have changed in a way that a join must see.
CREATE TABLE people_versions (
    app_id  BIGINT PRIMARY KEY REFERENCES apps (id),
    version BIGINT NOT NULL
);

-- The last join of an account and a mini program: the versions it saw, and the
-- coverage it found, which stands until a version moves on.
CREATE TABLE joins (
    account_id         BIGINT NOT NULL REFERENCES apps (id),
    mini_id            BIGINT NOT NULL REFERENCES apps (id),
    account_version    BIGINT NOT NULL DEFAULT -1,
    mini_version       BIGINT NOT NULL DEFAULT -1,
    joined_at          TIMESTAMP,
    followers          BIGINT NOT NULL DEFAULT 0,
    with_unionid       BIGINT NOT NULL DEFAULT 0,
    mini_users         BIGINT NOT NULL DEFAULT 0,
    mini_user_known    BIGINT NOT NULL DEFAULT 0,
    joined             BIGINT NOT NULL DEFAULT 0,
    follower_conflicts BIGINT NOT NULL DEFAULT 0,
    mini_conflicts     BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, mini_id)
);

CREATE TABLE broadcasts (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   BIGINT NOT NULL REFERENCES apps (id),
    mini_id      BIGINT NOT NULL REFERENCES apps (id),
    name         TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    spec         TEXT NOT NULL,
    -- Who gets it, as JSON: all times, lists and other broadcasts as they stood when
    -- it was created.
    audience     TEXT NOT NULL,
    message_key  TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('draft', 'scheduled', 'running', 'waiting', 'paused', 'done', 'cancelled')),
    reason       TEXT NOT NULL DEFAULT '',
    resume_at    TIMESTAMP,
    -- A waiting one goes on before that when more than so many calls of the day's quota are
    -- seen to be left; NULL where it waits for something else.
    waits_for    BIGINT,
    -- Messages per second, for all workers; read at each claim.
    rate         REAL NOT NULL,
    priority     INTEGER NOT NULL DEFAULT 0,
    -- The share that goes first: '' when there is none, or none any more.
    canary       TEXT NOT NULL DEFAULT '' CHECK (canary IN ('', 'sending', 'waiting')),
    canary_share REAL NOT NULL DEFAULT 0,
    canary_until TIMESTAMP,
    -- Its last slot of time: when that began, and of how many messages it was.
    slot_at      TIMESTAMP,
    slot_n       BIGINT NOT NULL DEFAULT 0,
    -- The last claim found work: there may be more.
    wanting      BOOLEAN NOT NULL DEFAULT FALSE,
    -- When a worker last got work of it.
    worked_at    TIMESTAMP,
    fixed        BOOLEAN NOT NULL DEFAULT FALSE,
    -- Recipients up to here, in the order of their ids, have a delivery row: so many.
    fixed_to     TEXT NOT NULL DEFAULT '',
    fixed_count  BIGINT NOT NULL DEFAULT 0,
    -- Deliveries up to here, in the order of their recipients, have been leased once.
    leased_to    TEXT NOT NULL DEFAULT '',
    created_at   TIMESTAMP NOT NULL,
    started_at   TIMESTAMP,
    finished_at  TIMESTAMP,
    -- The counts of a finished one, as JSON; NULL when a delivery has changed since, which
    -- counts in changes.
    tally        TEXT,
    changes      INTEGER NOT NULL DEFAULT 0,
    -- When its deliveries began to be removed, as the retention has it: the counts stay.
    emptied_at   TIMESTAMP,
    -- It holds the single messages of a day, and takes more until then; NULL for one whose
    -- recipients are fixed at its start.
    takes_until  TIMESTAMP,
    UNIQUE (account_id, id),
    UNIQUE (account_id, message_key),
    UNIQUE (account_id, name, content_hash)
);

-- What is at work, or may be: few, however many there were.
CREATE INDEX broadcasts_unfinished ON broadcasts (account_id, id) WHERE finished_at IS NULL;
-- Those that run, by their rates: each claim asks for the highest.
CREATE INDEX broadcasts_running ON broadcasts (account_id, rate) WHERE finished_at IS NULL AND state = 'running';
CREATE INDEX broadcasts_finished ON broadcasts (account_id, finished_at);
CREATE INDEX broadcasts_uncounted ON broadcasts (account_id, finished_at)
    WHERE tally IS NULL AND finished_at IS NOT NULL AND emptied_at IS NULL;

-- The channels of a broadcast in their order: whose quota and time its messages take,
-- and the template that they name.
CREATE TABLE broadcast_channels (
    account_id   BIGINT NOT NULL,
    broadcast_id BIGINT NOT NULL,
    channel      TEXT NOT NULL,
    position     SMALLINT NOT NULL,
    app_id       BIGINT NOT NULL REFERENCES apps (id),
    api          TEXT NOT NULL,
    template_id  TEXT NOT NULL DEFAULT '',
    -- A channel that stops, as when its quota is spent, leaves the others at work.
    state        TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'waiting', 'paused')),
    reason       TEXT NOT NULL DEFAULT '',
    resume_at    TIMESTAMP,
    -- As of broadcasts.
    waits_for    BIGINT,
    PRIMARY KEY (account_id, broadcast_id, channel)
) WITHOUT ROWID;

-- What the files hold that a broadcast's spec names and its messages need: a card's picture.
CREATE TABLE broadcast_files (
    account_id   BIGINT NOT NULL,
    broadcast_id BIGINT NOT NULL,
    name         TEXT NOT NULL,
    content      BLOB NOT NULL,
    PRIMARY KEY (account_id, broadcast_id, name)
);

-- One recipient of one broadcast.
CREATE TABLE deliveries (
    account_id      BIGINT NOT NULL,
    broadcast_id    BIGINT NOT NULL,
    -- The person: the follower's openid, or the mini user's of somebody who follows nothing.
    -- The other id of a mini user is beside it, where a channel of the broadcast takes that.
    recipient       TEXT NOT NULL,
    -- Which message to the person it is; 0 in a broadcast, which has one to each.
    message_id      BIGINT NOT NULL DEFAULT 0,
    mini_openid     TEXT,
    -- Which channel of the broadcast has it, and those that could not reach the person before,
    -- with a code for why: "subscribe:-1007,template:43004".
    channel         TEXT NOT NULL,
    fell_through    TEXT NOT NULL DEFAULT '',
    state           TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed', 'skipped', 'unknown')),
    attempts        SMALLINT NOT NULL DEFAULT 0,
    errcode         INTEGER NOT NULL DEFAULT 0,
    errmsg          TEXT NOT NULL DEFAULT '',
    msgid           BIGINT,
    attempted_at    TIMESTAMP,
    -- The first attempt whose outcome was lost: WeChat may have accepted it.
    open_since      TIMESTAMP,
    -- Set on a pending row that may be tried (again) from then on.
    next_attempt_at TIMESTAMP,
    -- A single message is of no use after that.
    expires_at      TIMESTAMP,
    -- When the consent was given, or the window opened, that this message takes.
    right_at        TIMESTAMP,
    -- The recipient's own variables, as a JSON object.
    vars            TEXT,
    -- What WeChat's receipt said: success, or why it did not reach the phone.
    receipt         TEXT,
    PRIMARY KEY (account_id, broadcast_id, recipient, message_id)
) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (account_id, broadcast_id, channel, next_attempt_at)
    WHERE next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_expiry ON deliveries (account_id, expires_at)
    WHERE expires_at IS NOT NULL AND next_attempt_at IS NOT NULL;
-- A person's deliveries, the latest last: for receipts, caps and the order of messages. No
-- column of it ever changes, so that it costs nothing when an outcome is recorded. Who looks here
-- asks for recipient || '': to the planner this index looks as good for one row of a broadcast as the
-- key does, and there the next recipient's is another page.
CREATE INDEX deliveries_person ON deliveries (account_id, (recipient || ''), broadcast_id);
-- What the planner is to believe, as ANALYZE would write it: how many rows there are, and how
-- many alike in the first columns. Without it, it reads all of an account's for a person's.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('deliveries', 'deliveries', '10000000 1000000 10000 1'),
    ('deliveries', 'deliveries_person', '10000000 1000000 20 1'),
    ('deliveries', 'deliveries_due', '1000 1000 100 100 2');

-- Transactions that happened, by an id of the client's: for the one that is repeated since
-- the answer to its COMMIT was lost. For an hour.
CREATE TABLE commits (
    account_id BIGINT NOT NULL,
    id         TEXT NOT NULL,
    at         TIMESTAMP NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX commits_at ON commits (account_id, at);

-- A worker's claim on the deliveries in (from_recipient, to_recipient].
CREATE TABLE leases (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id     BIGINT NOT NULL,
    broadcast_id   BIGINT NOT NULL,
    worker         TEXT NOT NULL,
    from_recipient TEXT NOT NULL,
    to_recipient   TEXT NOT NULL,
    claimed_at     TIMESTAMP NOT NULL,
    leased_until   TIMESTAMP NOT NULL,
    FOREIGN KEY (account_id, broadcast_id) REFERENCES broadcasts (account_id, id)
);
CREATE INDEX leases_broadcast ON leases (account_id, broadcast_id);

-- The last slot of time that was taken for messages by an API of an app, by whatever worker:
-- when it began, and of how many messages it was. The next begins after so many at the rate
-- of then.
CREATE TABLE pacing (
    app_id     BIGINT NOT NULL REFERENCES apps (id),
    api        TEXT NOT NULL,
    slot_at    TIMESTAMP NOT NULL,
    slot_n     BIGINT NOT NULL,
    -- Below 1 while WeChat asks us to slow down.
    share      REAL NOT NULL DEFAULT 1,
    share_at   TIMESTAMP,
    PRIMARY KEY (app_id, api)
);

-- The quota of an API of an app on a Beijing day.
CREATE TABLE quota_days (
    app_id      BIGINT NOT NULL REFERENCES apps (id),
    api         TEXT NOT NULL,
    day         TEXT NOT NULL,
    daily_limit BIGINT NOT NULL,
    used        BIGINT NOT NULL,
    read_used   BIGINT NOT NULL,
    -- Calls that we reserved, and those of them that we made and recorded.
    claimed     BIGINT NOT NULL DEFAULT 0,
    ours        BIGINT NOT NULL DEFAULT 0,
    -- Of what we reserved, what single messages took.
    messages    BIGINT NOT NULL DEFAULT 0,
    -- Of ours, what was recorded when WeChat was asked for read_used.
    read_ours   BIGINT NOT NULL DEFAULT 0,
    -- A worker died: what its calls used only WeChat knows.
    doubtful    BOOLEAN NOT NULL DEFAULT FALSE,
    read_at     TIMESTAMP NOT NULL,
    PRIMARY KEY (app_id, api, day)
) WITHOUT ROWID;

-- Who asked for no more messages. A follower stands by their openid, anyone else by the
-- openid, mini_openid or unionid that was given: it counts from the moment they follow.
CREATE TABLE optouts (
    account_id BIGINT NOT NULL,
    id         TEXT NOT NULL,
    by_openid  BOOLEAN NOT NULL,
    since      TIMESTAMP NOT NULL,
    source     TEXT NOT NULL,
    -- It stands beside another of the same person: their unionid, by which they are known
    -- when their openid changes, as an account's migration does with all.
    beside     BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (account_id, id)
) WITHOUT ROWID;
CREATE INDEX optouts_of_others ON optouts (account_id) WHERE NOT by_openid;

-- People of the company's, to whose phones tests are sent.
CREATE TABLE testers (
    account_id BIGINT NOT NULL,
    openid     TEXT NOT NULL,
    since      TIMESTAMP NOT NULL,
    source     TEXT NOT NULL,
    PRIMARY KEY (account_id, openid)
) WITHOUT ROWID;

-- Who refused a template by a channel, as a receipt told: they get its messages no more,
-- others still.
CREATE TABLE blocks (
    account_id  BIGINT NOT NULL,
    channel     TEXT NOT NULL,
    template_id TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    since       TIMESTAMP NOT NULL,
    PRIMARY KEY (account_id, channel, template_id, recipient)
) WITHOUT ROWID;

-- Consents: each row is one that a person gave to messages of a template, and how many messages
-- of it are left.
CREATE TABLE permits (
    account_id   BIGINT NOT NULL,
    app_id       BIGINT NOT NULL,
    template_id  TEXT NOT NULL,
    -- The person as the app knows them: a mini_openid, or the openid of an official account.
    recipient    TEXT NOT NULL,
    granted_at   TIMESTAMP NOT NULL,
    source       TEXT NOT NULL CHECK (source IN ('client', 'event', 'import')),
    -- Who told of it, so that the same is counted once: the client by an id of its own, WeChat
    -- by the time of its event.
    report_id    TEXT NOT NULL DEFAULT '',
    event_at     TIMESTAMP,
    -- Whether they accepted: a refusal is kept to know it again.
    accepted     BOOLEAN NOT NULL DEFAULT TRUE,
    -- Told by a client alone, where WeChat's own events come: it counts when one has come.
    hint         BOOLEAN NOT NULL DEFAULT FALSE,
    scene        TEXT NOT NULL DEFAULT '',
    -- The version of the text that was agreed to, where it is known.
    text_version TEXT NOT NULL DEFAULT '',
    kind         TEXT NOT NULL CHECK (kind IN ('once', 'long_term', 'limited')),
    messages     INTEGER NOT NULL,
    PRIMARY KEY (account_id, app_id, template_id, recipient, granted_at, source)
) WITHOUT ROWID;
-- What is used up, for housekeeping.
CREATE INDEX permits_spent ON permits (account_id, granted_at) WHERE messages = 0;

-- The time in which customer-service messages to a follower are allowed, by what opened it.
CREATE TABLE windows (
    account_id BIGINT NOT NULL,
    openid     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    opened_at  TIMESTAMP NOT NULL,
    closes_at  TIMESTAMP NOT NULL,
    messages   INTEGER NOT NULL,
    PRIMARY KEY (account_id, openid, kind)
) WITHOUT ROWID;

-- Stored specs that messages name. A version is never changed.
CREATE TABLE presets (
    account_id BIGINT NOT NULL REFERENCES apps (id),
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    spec       TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    removed_at TIMESTAMP,
    PRIMARY KEY (account_id, name, version)
) WITHOUT ROWID;

-- Messages to one person. What becomes of one is its delivery's, under the broadcast that
-- its preset or spec has for the single messages of a day.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   BIGINT NOT NULL,
    broadcast_id BIGINT NOT NULL,
    recipient    TEXT NOT NULL,
    -- The caller's key, while it is kept, and the hash of what was asked for with it.
    message_key  TEXT,
    content_hash TEXT NOT NULL,
    -- Which version of which preset it is of; '' and 0 where the caller gave the spec.
    preset       TEXT NOT NULL DEFAULT '',
    version      INTEGER NOT NULL DEFAULT 0,
    -- Who asked for it, as the audit log names them: each message would be a line of that.
    asked_by     TEXT NOT NULL DEFAULT '',
    created_at   TIMESTAMP NOT NULL,
    send_at      TIMESTAMP NOT NULL,
    expires_at   TIMESTAMP,
    UNIQUE (account_id, message_key)
);
CREATE INDEX messages_broadcast ON messages (account_id, broadcast_id);
CREATE INDEX messages_keys ON messages (account_id, created_at) WHERE message_key IS NOT NULL;

-- The company's people, in the console. Of a password only its hash is kept.
CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    -- The roles, as JSON: [{"role": "admin"}], with the "account" that one is for; all without.
    grants        TEXT NOT NULL,
    people        BOOLEAN NOT NULL,
    -- argon2id; '' until the user has chosen a password.
    password_hash TEXT NOT NULL DEFAULT '',
    -- Sealed; '' for none. The step is the last one whose code was used.
    totp_secret   TEXT NOT NULL DEFAULT '',
    totp_step     BIGINT NOT NULL DEFAULT 0,
    -- SHA-256 of the one-time link with which the user chooses a password.
    link_hash     TEXT UNIQUE,
    link_ends_at  TIMESTAMP,
    -- Who the user is at the company's own sign-in.
    subject       TEXT UNIQUE,
    -- Wrong passwords and codes since the last right one, and until when none is taken.
    failed        INTEGER NOT NULL DEFAULT 0,
    locked_until  TIMESTAMP,
    created_at    TIMESTAMP NOT NULL,
    disabled_at   TIMESTAMP,
    last_seen_at  TIMESTAMP
);

-- Where a user has signed in. The token itself is in the browser's cookie alone.
CREATE TABLE user_sessions (
    token_hash TEXT PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    seen_at    TIMESTAMP NOT NULL,
    ends_at    TIMESTAMP NOT NULL,
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL
);
CREATE INDEX user_sessions_user ON user_sessions (user_id);

-- A broadcast that a user is making: its spec, whether that is right or not yet. Version counts
-- the changes, so that of two who change it at once the second is told. The makers are users'
-- names as JSON.
CREATE TABLE drafts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT NOT NULL REFERENCES apps (id),
    spec       TEXT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1,
    makers     TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    changed_at TIMESTAMP NOT NULL
);
CREATE INDEX drafts_account ON drafts (account_id, id);
-- The files that a draft's spec names.
CREATE TABLE draft_files (
    account_id BIGINT NOT NULL,
    draft_id   BIGINT NOT NULL,
    name       TEXT NOT NULL,
    content    BLOB NOT NULL,
    added_at   TIMESTAMP NOT NULL,
    PRIMARY KEY (account_id, draft_id, name)
);

-- Whether a broadcast may begin that needs another user's word. Its makers are those who wrote
-- it, as JSON: none of them, and not who asked, can give it.
CREATE TABLE approvals (
    account_id   BIGINT NOT NULL,
    broadcast_id BIGINT NOT NULL,
    makers       TEXT NOT NULL,
    asked_by     TEXT NOT NULL DEFAULT '',
    asked_at     TIMESTAMP,
    recipients   BIGINT NOT NULL DEFAULT 0,
    decided_by   TEXT NOT NULL DEFAULT '',
    decided_at   TIMESTAMP,
    approved     BOOLEAN NOT NULL DEFAULT FALSE,
    reason       TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, broadcast_id)
);

-- A CSV of recipients, known by its content. Its rows hold an id of the kind, and
-- the other columns as a JSON object.
CREATE TABLE lists (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT NOT NULL REFERENCES apps (id),
    digest     TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('openid', 'unionid', 'mini_openid')),
    complete   BOOLEAN NOT NULL DEFAULT FALSE,
    row_count  BIGINT NOT NULL DEFAULT 0,
    loaded_at  TIMESTAMP NOT NULL
);
CREATE TABLE list_rows (
    account_id BIGINT NOT NULL,
    list_id    BIGINT NOT NULL,
    id         TEXT NOT NULL,
    line       BIGINT NOT NULL,
    vars       TEXT NOT NULL,
    PRIMARY KEY (account_id, list_id, id)
) WITHOUT ROWID;

-- Receipts that came before their message was recorded as sent.
CREATE TABLE early_receipts (
    account_id BIGINT NOT NULL,
    app_id     BIGINT NOT NULL,
    msgid      BIGINT NOT NULL,
    openid     TEXT NOT NULL,
    receipt    TEXT NOT NULL,
    -- It says that the person refused the template.
    blocked    BOOLEAN NOT NULL DEFAULT FALSE,
    at         TIMESTAMP NOT NULL,
    PRIMARY KEY (account_id, app_id, msgid, openid, at)
) WITHOUT ROWID;
CREATE INDEX early_receipts_of_person ON early_receipts (account_id, openid);

-- The runs of jobs that come round by the clock: one for each time that they were due.
CREATE TABLE job_runs (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   BIGINT NOT NULL REFERENCES apps (id),
    job          TEXT NOT NULL,
    due_at       TIMESTAMP NOT NULL,
    started_at   TIMESTAMP NOT NULL,
    finished_at  TIMESTAMP,
    worker       TEXT NOT NULL,
    leased_until TIMESTAMP NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 1,
    outcome      TEXT NOT NULL DEFAULT '' CHECK (outcome IN ('', 'done', 'failed', 'skipped')),
    detail       TEXT NOT NULL DEFAULT '',
    UNIQUE (account_id, job, due_at)
);

-- What people are to be told: reports once, alerts once and again when they are over.
CREATE TABLE notices (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT NOT NULL REFERENCES apps (id),
    notice_key TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('report', 'alert')),
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,
    data       TEXT NOT NULL DEFAULT '',
    raised_at  TIMESTAMP NOT NULL,
    told_at    TIMESTAMP,
    over_at    TIMESTAMP,
    UNIQUE (account_id, notice_key)
);

-- What WeChat told by callbacks. WeChat tells some of it again: the key of all that
-- names an event keeps it once.
CREATE TABLE callbacks (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  BIGINT NOT NULL REFERENCES apps (id),
    -- The mini program that it was told to; 0 for the account itself.
    app_id      BIGINT NOT NULL DEFAULT 0,
    openid      TEXT NOT NULL,
    created_at  TIMESTAMP NOT NULL,
    kind        TEXT NOT NULL,
    event_key   TEXT NOT NULL DEFAULT '',
    msgid       BIGINT NOT NULL DEFAULT 0,
    status      TEXT NOT NULL DEFAULT '',
    content     TEXT NOT NULL DEFAULT '',
    detail      TEXT NOT NULL DEFAULT '',
    received_at TIMESTAMP NOT NULL,
    applied_at  TIMESTAMP,
    -- How often it could not be applied, when it is tried again, and why it is not any more.
    tries       SMALLINT NOT NULL DEFAULT 0,
    retry_at    TIMESTAMP,
    set_aside   TEXT NOT NULL DEFAULT '',
    UNIQUE (account_id, app_id, openid, created_at, kind, msgid, event_key)
);
CREATE INDEX callbacks_to_apply ON callbacks (account_id, id) WHERE applied_at IS NULL;

-- What happened, for other systems: the events of one transaction and of one type in a row.
-- Rows are numbered in the order in which they are seen to be there, when somebody looks: a
-- number that was given is never followed by a lower one.
CREATE TABLE events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT NOT NULL,
    at         TIMESTAMP NOT NULL,
    type       TEXT NOT NULL,
    -- What they share, as a JSON object, and what is each one's own, as a JSON array of arrays.
    shared     TEXT NOT NULL,
    own        TEXT NOT NULL,
    n          INTEGER NOT NULL,
    -- The number of the last of them.
    last_seq   BIGINT
);
CREATE UNIQUE INDEX events_in_order ON events (account_id, last_seq) WHERE last_seq IS NOT NULL;
CREATE INDEX events_unnumbered ON events (account_id, id) WHERE last_seq IS NULL;

-- The last number that was given to an event of the account.
CREATE TABLE event_ends (
    account_id BIGINT PRIMARY KEY,
    last_seq   BIGINT NOT NULL
);

-- How far each of the company's systems has taken the events.
CREATE TABLE webhooks (
    account_id    BIGINT NOT NULL,
    name          TEXT NOT NULL,
    -- The last event that it took.
    seq           BIGINT NOT NULL,
    taken_at      TIMESTAMP,
    -- The last of those that it did not take: the same are posted again.
    up_to         BIGINT NOT NULL DEFAULT 0,
    -- Since when it does not take the next, how often that was tried, and why it was not taken.
    failing_since TIMESTAMP,
    tries         INTEGER NOT NULL DEFAULT 0,
    retry_at      TIMESTAMP,
    why           TEXT NOT NULL DEFAULT '',
    -- It is tried no more until somebody says so.
    set_aside_at  TIMESTAMP,
    PRIMARY KEY (account_id, name)
);

-- Callbacks as WeChat sent them, until they are passed on to a system of the company's.
CREATE TABLE relays (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   BIGINT NOT NULL,
    target       TEXT NOT NULL,
    openid       TEXT NOT NULL,
    query        TEXT NOT NULL,
    content_type TEXT NOT NULL,
    -- In base64: it need not be text.
    body         TEXT NOT NULL,
    received_at  TIMESTAMP NOT NULL,
    -- How often it was refused, and when it is tried again: those of the same person wait for it.
    tries        INTEGER NOT NULL DEFAULT 0,
    retry_at     TIMESTAMP
);
CREATE INDEX relays_of_target ON relays (account_id, target, id);
CREATE INDEX relays_put_off ON relays (account_id, target, openid) WHERE retry_at IS NOT NULL;

-- Who came to the mini program by a message: each message counts once.
CREATE TABLE visits (
    account_id   BIGINT NOT NULL,
    broadcast_id BIGINT NOT NULL,
    recipient    TEXT NOT NULL,
    message_id   BIGINT NOT NULL DEFAULT 0,
    mini_openid  TEXT NOT NULL,
    came_at      TIMESTAMP NOT NULL,
    -- Until when what they do there counts as of the message.
    counts_until TIMESTAMP NOT NULL,
    -- How the mini program was opened, as WeChat numbers it; 0 where it was not told.
    scene        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, broadcast_id, recipient, message_id)
);
CREATE INDEX visits_came ON visits (account_id, came_at);

-- What people did that the company wants them to do.
CREATE TABLE goals (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  BIGINT NOT NULL,
    openid      TEXT,
    mini_openid TEXT,
    goal        TEXT NOT NULL,
    -- In hundredths of the currency's unit.
    amount      BIGINT NOT NULL,
    at          TIMESTAMP NOT NULL,
    -- The caller's own name of it: told again with it, it counts once.
    goal_key    TEXT NOT NULL,
    UNIQUE (account_id, goal_key)
);
CREATE INDEX goals_at ON goals (account_id, at);
CREATE INDEX goals_of_follower ON goals (account_id, openid, at) WHERE openid IS NOT NULL;
CREATE INDEX goals_of_mini_user ON goals (account_id, mini_openid, at) WHERE mini_openid IS NOT NULL;

-- Keys of the HTTP API. Of a key itself only its SHA-256 is kept, in hex.
CREATE TABLE api_keys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   BIGINT NOT NULL REFERENCES apps (id),
    name         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    key_hash     TEXT NOT NULL UNIQUE,
    created_at   TIMESTAMP NOT NULL,
    expires_at   TIMESTAMP,
    revoked_at   TIMESTAMP,
    last_used_at TIMESTAMP,
    UNIQUE (account_id, name)
);

-- Who did what, and when: a change has an entry when it begins, and another when it ends. No
-- entry is ever changed, and each bears the hash of the one before it.
CREATE TABLE audit_log (
    account_id BIGINT NOT NULL REFERENCES apps (id),
    seq        BIGINT NOT NULL,
    at         TIMESTAMP NOT NULL,
    actor      TEXT NOT NULL,
    origin     TEXT NOT NULL,
    action     TEXT NOT NULL,
    target     TEXT NOT NULL,
    -- Keyed hashes of the people it is about, parted by spaces.
    subject    TEXT NOT NULL DEFAULT '',
    -- '' where a change begins.
    outcome    TEXT NOT NULL,
    -- The entry that this one ends; 0 for none.
    ends       BIGINT NOT NULL DEFAULT 0,
    -- Which data key the hash is made with; '' for none.
    key_id     TEXT NOT NULL,
    prev       TEXT NOT NULL,
    hash       TEXT NOT NULL,
    PRIMARY KEY (account_id, seq)
);
CREATE UNIQUE INDEX audit_log_ends ON audit_log (account_id, ends) WHERE ends > 0;

-- Where all of a store came from, or went to. One that went elsewhere is used no more; one that
-- is not whole yet is not used either.
CREATE TABLE store_moves (
    id       TEXT PRIMARY KEY,
    incoming BOOLEAN NOT NULL,
    other    TEXT NOT NULL,
    begun_at TIMESTAMP NOT NULL,
    done_at  TIMESTAMP
) WITHOUT ROWID;
