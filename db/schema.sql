-- The ebjr store, version 4. Stores of earlier versions are brought up to date when they are opened
-- (db/migrate.h): version 1 had no run.depth, version 2 no run.first, no class names and no tally,
-- version 3 no images, objects and detections.
--
-- One model is run once over one data set; every question about a cascade is then answered from
-- here. Names are what people type; hashes are what a thing is. Each row of model, dataset, run,
-- measurement and trial carries a seal (SHA-256 of its other columns), each chunk the SHA-256 of the
-- rows that one transaction wrote, so that `ebjr verify` finds a changed byte; the tally, how many
-- records there are, so that it finds a missing one.

CREATE TABLE model (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,              -- 'torchscript', or 'import' for logits from elsewhere
    sha256     TEXT NOT NULL UNIQUE,       -- of the model file, or of the imported logits
    path       TEXT NOT NULL,              -- where it was when it was stored
    bytes      INTEGER NOT NULL,
    parameters INTEGER,                    -- NULL: unknown
    created    TEXT NOT NULL,              -- UTC, ISO 8601
    seal       TEXT NOT NULL
);

CREATE TABLE dataset (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    kind    TEXT NOT NULL,                 -- 'cifar10', 'cifar100', 'idx', 'npy', 'images', 'import';
                                           -- 'coco': images with objects, each image a sample
    sha256  TEXT NOT NULL UNIQUE,          -- of its files in reading order, of imported labels, or of
                                           -- images and objects, as db/truth.h lays them out
    path    TEXT NOT NULL,
    bytes   INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    shape   TEXT NOT NULL,                 -- 'CxHxW' of one sample; '' for an import
    names   TEXT NOT NULL DEFAULT '',      -- SHA-256 of its class names, or ''
    created TEXT NOT NULL,
    seal    TEXT NOT NULL
);

CREATE TABLE class_name (
    dataset_id INTEGER NOT NULL REFERENCES dataset,
    label      INTEGER NOT NULL,
    name       TEXT NOT NULL,
    PRIMARY KEY (dataset_id, label)
) WITHOUT ROWID;

CREATE TABLE sample (
    dataset_id INTEGER NOT NULL REFERENCES dataset,
    idx        INTEGER NOT NULL,           -- 0 .. samples-1, the order of the data set
    label      INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, idx)
) WITHOUT ROWID;

-- What stands in the place of labels where objects are to be detected.

CREATE TABLE image (
    dataset_id INTEGER NOT NULL REFERENCES dataset,
    idx        INTEGER NOT NULL,           -- 0 .. samples-1, the order of the data set
    number     INTEGER NOT NULL,           -- COCO's image id
    file       TEXT NOT NULL,              -- its name, or ''
    width      INTEGER,                    -- pixels; NULL: unknown
    height     INTEGER,
    PRIMARY KEY (dataset_id, idx)
) WITHOUT ROWID;

CREATE TABLE object (
    dataset_id INTEGER NOT NULL REFERENCES dataset,
    idx        INTEGER NOT NULL,           -- of its image
    place      INTEGER NOT NULL,           -- 0 .., the order in which its image's objects came
    category   INTEGER NOT NULL,           -- COCO's category id; its name is in class_name
    x          REAL NOT NULL,              -- pixels, of the corner at the upper left
    y          REAL NOT NULL,
    width      REAL NOT NULL,
    height     REAL NOT NULL,
    area       REAL NOT NULL,              -- square pixels, of its mask
    crowd      INTEGER NOT NULL,           -- 0 or 1
    PRIMARY KEY (dataset_id, idx, place)
) WITHOUT ROWID;

CREATE TABLE run (
    id             INTEGER PRIMARY KEY,
    model_id       INTEGER NOT NULL REFERENCES model,
    dataset_id     INTEGER NOT NULL REFERENCES dataset,
    preprocessing  TEXT NOT NULL,          -- JSON: scale, mean, std; '' for an import
    dtype          TEXT NOT NULL,          -- of the model's arithmetic: 'float32'
    classes        INTEGER NOT NULL,       -- outputs of the model: the length of `logits`; 0: a
                                           -- detector that gives none
    class_map      TEXT NOT NULL,          -- '': output k is class k; else '3,0,-': the class of each
                                           -- output, '-' for "other", which no label is
    first          INTEGER NOT NULL DEFAULT 0, -- the first sample of a shard; 0: of the data set
    samples        INTEGER NOT NULL,       -- from the first on: the data set's, or a shard's
    done           INTEGER NOT NULL,       -- rows stored so far; complete where done = samples
    flops          INTEGER,                -- a sample, 2 x op_counter's count; NULL: unknown
    flops_mac2     INTEGER,                -- a sample, 2 x MACs of convolutions and linears only
    depth          INTEGER,                -- convolutions and linears that were counted; NULL: unknown
    flops_source   TEXT NOT NULL,          -- 'counted', 'given', 'unknown'
    uncounted      TEXT NOT NULL,          -- operators that `flops` leaves out; '' where complete
    uncounted_mac2 TEXT NOT NULL,          -- the same for `flops_mac2`
    device         TEXT NOT NULL,
    plan           TEXT NOT NULL,          -- how the model was executed
    library        TEXT NOT NULL,          -- of the backend, with its version
    host           TEXT NOT NULL,          -- the CPU
    program        TEXT NOT NULL,          -- version of ebjr
    started        TEXT NOT NULL,
    finished       TEXT NOT NULL,          -- '' while done < samples
    seal           TEXT NOT NULL,
    UNIQUE (model_id, dataset_id, preprocessing, dtype, class_map)
);

CREATE TABLE output (
    run_id         INTEGER NOT NULL REFERENCES run,
    idx            INTEGER NOT NULL,
    prediction     INTEGER NOT NULL,       -- the largest logit's class, the first on a tie; -1: other
    correct        INTEGER NOT NULL,       -- prediction = label
    top5_correct   INTEGER NOT NULL,       -- fewer than five outputs come before the label's
    energy         REAL NOT NULL,          -- logsumexp(z)
    softmax_energy REAL NOT NULL,          -- logsumexp(softmax(z))
    logits         BLOB NOT NULL,          -- little-endian float32, `classes` of them
    PRIMARY KEY (run_id, idx)
) WITHOUT ROWID;

-- The rows of a run over a data set of kind 'coco', any number an image.
CREATE TABLE detection (
    run_id   INTEGER NOT NULL REFERENCES run,
    idx      INTEGER NOT NULL,             -- of the image
    place    INTEGER NOT NULL,             -- 0 .., the order in which the image's detections came
    category INTEGER NOT NULL,
    score    REAL NOT NULL,
    x        REAL NOT NULL,                -- pixels, of the corner at the upper left
    y        REAL NOT NULL,
    width    REAL NOT NULL,
    height   REAL NOT NULL,
    logits   BLOB,                         -- little-endian float32, `classes` of them; NULL: none
    PRIMARY KEY (run_id, idx, place)
) WITHOUT ROWID;

CREATE TABLE chunk (
    run_id INTEGER NOT NULL REFERENCES run,
    first  INTEGER NOT NULL,               -- the chunk holds samples first .. first+count-1
    count  INTEGER NOT NULL,
    sha256 TEXT NOT NULL,                  -- of labels and outputs, as db/output.h lays them out, or
                                           -- of detections (db/detection.h)
    PRIMARY KEY (run_id, first)
) WITHOUT ROWID;

CREATE TABLE measurement (
    id           INTEGER PRIMARY KEY,
    model_id     INTEGER REFERENCES model, -- NULL: a cascade was measured
    dataset_id   INTEGER NOT NULL REFERENCES dataset,
    subject      TEXT NOT NULL,            -- '' for a model; else the cascade in words
    policy       TEXT NOT NULL,            -- SHA-256 of the cascade's policy, or ''
    scenario     TEXT NOT NULL,            -- 'single', 'offline', 'server'; 'given': from elsewhere
    device       TEXT NOT NULL,            -- 'given' for latencies from elsewhere
    plan         TEXT NOT NULL,
    batch        INTEGER NOT NULL,
    threads      INTEGER,                  -- NULL: unknown
    qps          REAL,                     -- arrivals a second that were asked for; NULL: none were
    teacher_rate REAL,                     -- of the samples measured; NULL: no cascade
    samples      INTEGER NOT NULL,         -- latencies kept
    dropped      INTEGER NOT NULL,         -- measured before them to warm up
    sha256       TEXT NOT NULL,            -- of the latencies, as db/latency.h lays them out
    host         TEXT NOT NULL,
    library      TEXT NOT NULL,
    program      TEXT NOT NULL,
    created      TEXT NOT NULL,
    seal         TEXT NOT NULL
);

CREATE TABLE latency (
    measurement_id INTEGER NOT NULL REFERENCES measurement,
    idx            INTEGER NOT NULL,       -- 0 .. samples-1, the order of measuring
    sample         INTEGER NOT NULL,       -- which of the data set it was; may come again
    ns             INTEGER NOT NULL,       -- nanoseconds that it took
    PRIMARY KEY (measurement_id, idx)
) WITHOUT ROWID;

-- What was tried to find the fastest plan of a model: one row a plan, the same `tried` in each row
-- of a search.
CREATE TABLE trial (
    id             INTEGER PRIMARY KEY,
    model_id       INTEGER NOT NULL REFERENCES model,
    shape          TEXT NOT NULL,          -- 'CxHxW' of one sample
    device         TEXT NOT NULL,
    host           TEXT NOT NULL,
    library        TEXT NOT NULL,
    dtype          TEXT NOT NULL,
    asked_batch    INTEGER NOT NULL,       -- 0: any
    asked_threads  INTEGER NOT NULL,       -- 0: any
    mode           TEXT NOT NULL,          -- 'as-loaded', 'frozen', 'optimized', 'channels-last',
                                           -- 'direct'
    batch          INTEGER NOT NULL,
    threads        INTEGER NOT NULL,
    ns             INTEGER,                -- a sample, the median; NULL: it failed
    max_difference REAL,                   -- the largest |logit - as loaded|; NULL: not compared
    changed        INTEGER,                -- predictions that differ from as loaded
    samples        INTEGER NOT NULL,       -- compared
    note           TEXT NOT NULL,          -- why it was dropped, or ''
    chosen         INTEGER NOT NULL,       -- 0 or 1
    tried          INTEGER NOT NULL,       -- rows of this search
    program        TEXT NOT NULL,
    created        TEXT NOT NULL,
    seal           TEXT NOT NULL
);

CREATE TABLE tally (
    name    TEXT PRIMARY KEY,              -- of a table
    records INTEGER NOT NULL,
    sum     TEXT NOT NULL                  -- the exclusive or of their seals
) WITHOUT ROWID;

-- Views for people: sqlite3, pandas, R.

CREATE VIEW runs AS
SELECT run.id AS run, model.name AS model, dataset.name AS dataset, run.classes, run.samples,
       run.done, run.flops, run.flops_mac2, run.depth, model.parameters, run.preprocessing, run.dtype,
       run.device, run.plan, run.library, run.host, run.program, run.started, run.finished
FROM run JOIN model ON model.id = run.model_id JOIN dataset ON dataset.id = run.dataset_id;

CREATE VIEW outputs AS
SELECT run.id AS run, model.name AS model, dataset.name AS dataset, output.idx, sample.label,
       output.prediction, output.correct, output.top5_correct, output.energy,
       output.softmax_energy, output.logits
FROM output JOIN run ON run.id = output.run_id
            JOIN model ON model.id = run.model_id
            JOIN dataset ON dataset.id = run.dataset_id
            JOIN sample ON sample.dataset_id = run.dataset_id AND sample.idx = output.idx;

CREATE VIEW objects AS
SELECT dataset.name AS dataset, object.idx, image.number, image.file, object.place, object.category,
       class_name.name, object.x, object.y, object.width, object.height, object.area, object.crowd
FROM object JOIN dataset ON dataset.id = object.dataset_id
            JOIN image ON image.dataset_id = object.dataset_id AND image.idx = object.idx
            LEFT JOIN class_name ON class_name.dataset_id = object.dataset_id
                                AND class_name.label = object.category;

CREATE VIEW detections AS
SELECT run.id AS run, model.name AS model, dataset.name AS dataset, detection.idx, image.number,
       image.file, detection.place, detection.category, class_name.name, detection.score,
       detection.x, detection.y, detection.width, detection.height, detection.logits
FROM detection JOIN run ON run.id = detection.run_id
               JOIN model ON model.id = run.model_id
               JOIN dataset ON dataset.id = run.dataset_id
               JOIN image ON image.dataset_id = run.dataset_id AND image.idx = detection.idx
               LEFT JOIN class_name ON class_name.dataset_id = run.dataset_id
                                   AND class_name.label = detection.category;

CREATE VIEW latencies AS
SELECT measurement.id AS measurement, coalesce(model.name, measurement.subject) AS subject,
       dataset.name AS dataset, measurement.scenario, measurement.device, measurement.plan,
       measurement.batch, measurement.threads, measurement.qps, latency.idx, latency.sample,
       latency.ns
FROM latency JOIN measurement ON measurement.id = latency.measurement_id
             LEFT JOIN model ON model.id = measurement.model_id
             JOIN dataset ON dataset.id = measurement.dataset_id;

CREATE VIEW plans AS
SELECT trial.id AS trial, model.name AS model, trial.shape, trial.device, trial.dtype, trial.mode,
       trial.batch, trial.threads, trial.ns, trial.max_difference, trial.changed, trial.samples,
       trial.chosen, trial.note, trial.asked_batch, trial.asked_threads, trial.library, trial.host,
       trial.program, trial.created
FROM trial JOIN model ON model.id = trial.model_id;

CREATE VIEW accuracies AS
SELECT runs.model, runs.dataset, runs.run, count(*) AS samples, avg(output.correct) AS accuracy,
       avg(output.top5_correct) AS top5_accuracy
FROM output JOIN runs ON runs.run = output.run_id GROUP BY runs.run;

CREATE VIEW pairs AS
SELECT s.model AS student, t.model AS teacher, s.dataset, s.idx, s.label,
       s.prediction AS student_prediction, t.prediction AS teacher_prediction,
       s.correct AS student_correct, t.correct AS teacher_correct,
       t.correct AND NOT s.correct AS harm, s.correct AND NOT t.correct AS help,
       s.energy AS student_energy, s.softmax_energy AS student_softmax_energy
FROM outputs s JOIN outputs t ON s.dataset = t.dataset AND s.idx = t.idx AND s.model <> t.model;
