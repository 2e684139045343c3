CREATE TABLE public.api_key (
    id integer NOT NULL,
    user_id integer NOT NULL,
    prefix text NOT NULL,
    hash text NOT NULL,
    hint text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone
);
CREATE SEQUENCE public.api_key_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.api_key_id_seq OWNED BY public.api_key.id;
CREATE TABLE public.audit (
    id integer NOT NULL,
    at timestamp with time zone NOT NULL,
    user_id bigint,
    user_email text,
    key_id bigint,
    action text NOT NULL,
    object text NOT NULL,
    object_id text,
    before text,
    after text
);
CREATE SEQUENCE public.audit_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_id_seq OWNED BY public.audit.id;
CREATE TABLE public.board (
    id bigint NOT NULL,
    name text NOT NULL,
    inactive boolean NOT NULL,
    project boolean NOT NULL,
    fetched_at timestamp with time zone,
    deleted_at timestamp with time zone
);
CREATE TABLE public.company (
    id bigint NOT NULL,
    name text NOT NULL,
    fetched_at timestamp with time zone,
    deleted_at timestamp with time zone
);
CREATE TABLE public.config_value (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.contact (
    id bigint NOT NULL,
    name text NOT NULL,
    fetched_at timestamp with time zone,
    deleted_at timestamp with time zone
);
CREATE TABLE public.event (
    id integer NOT NULL,
    ticket_id bigint NOT NULL,
    state text NOT NULL,
    source text NOT NULL,
    action text,
    kind_hint text,
    correlation text NOT NULL,
    hooks integer NOT NULL,
    first_received_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts integer NOT NULL,
    bugs integer NOT NULL,
    lease_owner text,
    lease_until timestamp with time zone,
    error text,
    decisions text NOT NULL,
    finished_at timestamp with time zone
);
CREATE TABLE public.event_crash (
    event_id integer NOT NULL,
    alone integer NOT NULL
);
CREATE SEQUENCE public.event_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.event_id_seq OWNED BY public.event.id;
CREATE TABLE public.fact (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.forward (
    id integer NOT NULL,
    source_id integer NOT NULL,
    destination_id integer NOT NULL,
    start text,
    "end" text,
    keep_copy boolean NOT NULL,
    enabled boolean NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.forward_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.forward_id_seq OWNED BY public.forward.id;
CREATE TABLE public.hold (
    service text NOT NULL,
    until timestamp with time zone NOT NULL,
    since timestamp with time zone NOT NULL,
    failures integer NOT NULL,
    reason text NOT NULL
);
CREATE TABLE public.lease (
    name text NOT NULL,
    owner text NOT NULL,
    until timestamp with time zone NOT NULL
);
CREATE TABLE public.member (
    id bigint NOT NULL,
    identifier text NOT NULL,
    lookup text NOT NULL,
    name text NOT NULL,
    email text,
    inactive boolean NOT NULL,
    license_class text,
    fetched_at timestamp with time zone,
    deleted_at timestamp with time zone
);
CREATE TABLE public.note (
    id integer NOT NULL,
    kind text NOT NULL,
    note_id bigint NOT NULL,
    ticket_id bigint NOT NULL,
    text text NOT NULL,
    internal boolean NOT NULL,
    resolution boolean NOT NULL,
    member text,
    author text,
    entered_at timestamp with time zone,
    updated_at timestamp with time zone,
    stored_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone
);
CREATE SEQUENCE public.note_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.note_id_seq OWNED BY public.note.id;
CREATE TABLE public.notification (
    id integer NOT NULL,
    ticket_id bigint NOT NULL,
    event_id integer,
    correlation text NOT NULL,
    subject text NOT NULL,
    target text NOT NULL,
    kind text NOT NULL,
    note_kind text,
    note_id bigint,
    recipient_id integer,
    recipient_name text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    forwarded_from text NOT NULL,
    markdown text NOT NULL,
    attempts integer NOT NULL,
    failures integer NOT NULL,
    error text,
    possible_duplicate boolean NOT NULL,
    overtaken boolean NOT NULL,
    may_be_overtaken boolean NOT NULL,
    woken boolean NOT NULL,
    webex_message_id text,
    tracking_id text,
    created_at timestamp with time zone NOT NULL,
    failing_since timestamp with time zone,
    give_up_at timestamp with time zone NOT NULL,
    next_try_at timestamp with time zone,
    lease_owner text,
    lease_until timestamp with time zone,
    sent_at timestamp with time zone
);
CREATE SEQUENCE public.notification_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.notification_id_seq OWNED BY public.notification.id;
CREATE TABLE public.person_email (
    email text NOT NULL,
    recipient_id integer NOT NULL
);
CREATE TABLE public.recipient (
    id integer NOT NULL,
    type text NOT NULL,
    webex_id text NOT NULL,
    name text NOT NULL,
    email text,
    active boolean NOT NULL,
    last_activity timestamp with time zone,
    fetched_at timestamp with time zone
);
CREATE SEQUENCE public.recipient_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.recipient_id_seq OWNED BY public.recipient.id;
CREATE TABLE public.rule (
    id integer NOT NULL,
    board_id bigint NOT NULL,
    recipient_id integer NOT NULL,
    enabled boolean NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.rule_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.rule_id_seq OWNED BY public.rule.id;
CREATE TABLE public.schema_migration (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.schema_migration_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.schema_migration_id_seq OWNED BY public.schema_migration.id;
CREATE TABLE public.seen_message (
    message_id text NOT NULL,
    received_at timestamp with time zone NOT NULL
);
CREATE TABLE public.signing_key (
    address text NOT NULL,
    key text NOT NULL,
    verified_at timestamp with time zone NOT NULL
);
CREATE TABLE public.status (
    id bigint NOT NULL,
    board_id bigint NOT NULL,
    name text NOT NULL,
    closed boolean NOT NULL,
    inactive boolean NOT NULL,
    fetched_at timestamp with time zone,
    deleted_at timestamp with time zone
);
CREATE TABLE public.sync_run (
    id integer NOT NULL,
    state text NOT NULL,
    request text NOT NULL,
    phases text NOT NULL,
    error_count integer NOT NULL,
    errors text NOT NULL,
    requested_by text,
    cancel_requested boolean NOT NULL,
    owner text,
    lease_until timestamp with time zone,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone
);
CREATE SEQUENCE public.sync_run_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.sync_run_id_seq OWNED BY public.sync_run.id;
CREATE TABLE public.ticket (
    id bigint NOT NULL,
    kind text NOT NULL,
    summary text NOT NULL,
    board_id bigint,
    board_name text,
    status text,
    company_id bigint,
    company text,
    contact_id bigint,
    contact text,
    priority text,
    owner text,
    resources text NOT NULL,
    open boolean NOT NULL,
    entered_at timestamp with time zone,
    updated_at timestamp with time zone,
    stored_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    announced_at timestamp with time zone,
    decided_at_update timestamp with time zone,
    notes_read_at_update timestamp with time zone
);
CREATE TABLE public."user" (
    id integer NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    email_lookup text NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.user_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.user_id_seq OWNED BY public."user".id;
ALTER TABLE ONLY public.api_key ALTER COLUMN id SET DEFAULT nextval('public.api_key_id_seq'::regclass);
ALTER TABLE ONLY public.audit ALTER COLUMN id SET DEFAULT nextval('public.audit_id_seq'::regclass);
ALTER TABLE ONLY public.event ALTER COLUMN id SET DEFAULT nextval('public.event_id_seq'::regclass);
ALTER TABLE ONLY public.forward ALTER COLUMN id SET DEFAULT nextval('public.forward_id_seq'::regclass);
ALTER TABLE ONLY public.note ALTER COLUMN id SET DEFAULT nextval('public.note_id_seq'::regclass);
ALTER TABLE ONLY public.notification ALTER COLUMN id SET DEFAULT nextval('public.notification_id_seq'::regclass);
ALTER TABLE ONLY public.recipient ALTER COLUMN id SET DEFAULT nextval('public.recipient_id_seq'::regclass);
ALTER TABLE ONLY public.rule ALTER COLUMN id SET DEFAULT nextval('public.rule_id_seq'::regclass);
ALTER TABLE ONLY public.schema_migration ALTER COLUMN id SET DEFAULT nextval('public.schema_migration_id_seq'::regclass);
ALTER TABLE ONLY public.sync_run ALTER COLUMN id SET DEFAULT nextval('public.sync_run_id_seq'::regclass);
ALTER TABLE ONLY public."user" ALTER COLUMN id SET DEFAULT nextval('public.user_id_seq'::regclass);
INSERT INTO public.api_key VALUES (2, 2, 'given_679f', '$2b$10$nO3.UUq4LNABses94xOMQOqyOazreTJ63TWm5dEvAqCHhxNGAkgiK', 'Lz41', '2026-03-02 09:00:00+00', NULL);
INSERT INTO public.api_key VALUES (1, 1, 'given_33ca', '$2b$10$E1YcXSuVlZQ3czLAtqYXNuP9g3Ji7Ci4SFOq9t.GgNtB/hXQ5ZEia', '', '2026-03-02 09:00:00+00', '2026-03-02 09:00:00+00');
INSERT INTO public.audit VALUES (1, '2026-03-02 09:00:00+00', 1, 'ana@example.com', 1, 'create', 'forward', '1', NULL, '{"id":1,"source_id":5,"source_name":"Cora Chen","destination_id":4,"destination_name":"Ben Bauer","start":"2026-03-01","end":"2026-03-15","keep_copy":true,"enabled":true,"state":"active"}');
INSERT INTO public.audit VALUES (2, '2026-03-02 09:00:00+00', 1, 'ana@example.com', 1, 'create', 'forward', '2', NULL, '{"id":2,"source_id":4,"source_name":"Ben Bauer","destination_id":3,"destination_name":"Ana Alvarez","start":"2026-04-01T08:00:00+02:00","end":null,"keep_copy":false,"enabled":true,"state":"upcoming"}');
INSERT INTO public.audit VALUES (3, '2026-03-02 09:00:00+00', 1, 'ana@example.com', 1, 'create', 'forward', '3', NULL, '{"id":3,"source_id":3,"source_name":"Ana Alvarez","destination_id":5,"destination_name":"Cora Chen","start":null,"end":null,"keep_copy":false,"enabled":true,"state":"active"}');
INSERT INTO public.audit VALUES (4, '2026-03-02 09:00:00+00', 1, 'ana@example.com', 1, 'update', 'forward', '3', '{"id":3,"source_id":3,"source_name":"Ana Alvarez","destination_id":5,"destination_name":"Cora Chen","start":null,"end":null,"keep_copy":false,"enabled":true,"state":"active"}', '{"id":3,"source_id":3,"source_name":"Ana Alvarez","destination_id":5,"destination_name":"Cora Chen","start":null,"end":null,"keep_copy":false,"enabled":false,"state":"disabled"}');
INSERT INTO public.audit VALUES (5, '2026-03-02 09:00:00+00', 1, 'ana@example.com', 1, 'update', 'config', NULL, '{"attempt_notify":true,"max_message_length":300,"max_concurrent_syncs":5,"require_board_rule":false,"catch_up_interval":300,"retention_days":90}', '{"attempt_notify":true,"max_message_length":250,"max_concurrent_syncs":5,"require_board_rule":false,"catch_up_interval":300,"retention_days":30}');
INSERT INTO public.board VALUES (1, 'Service Desk', false, false, '2026-03-03 10:04:00+00', NULL);
INSERT INTO public.board VALUES (2, 'Projects', false, true, '2026-03-03 10:04:00+00', NULL);
INSERT INTO public.company VALUES (201, 'Hanrahan Logistics', '2026-03-02 09:00:00+00', NULL);
INSERT INTO public.config_value VALUES ('max_message_length', '250');
INSERT INTO public.config_value VALUES ('retention_days', '30');
INSERT INTO public.config_value VALUES ('attempt_notify', 'true');
INSERT INTO public.contact VALUES (301, 'Gus Hanrahan', '2026-03-03 10:04:00+00', NULL);
INSERT INTO public.event VALUES (1, 1001, 'done', 'hook', 'added', NULL, 'hook-1001', 1, '2026-03-02 09:00:00+00', '2026-03-02 09:00:00+00', '2026-03-02 09:00:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"new:1001","who":"Help Desk","outcome":"told","reason":"rule 1"},{"subject":"new:1001","who":"Ana Alvarez","outcome":"told","reason":"assigned (resource)"},{"subject":"new:1001","who":"Ben Bauer","outcome":"told","reason":"assigned (resource)"},{"subject":"new:1001","who":"Cora Chen","outcome":"told","reason":"assigned (resource)"},{"subject":"new:1001","who":"Dan Doe","outcome":"skipped","reason":"not on Webex: nobody found for dan@msp.example"}]', '2026-03-02 09:00:00+00');
INSERT INTO public.event VALUES (2, 1001, 'done', 'hook', 'updated', NULL, 'hook-1001', 1, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"note:TicketNote:5002","who":"Ben Bauer","outcome":"told","reason":"assigned (resource)"},{"subject":"note:TicketNote:5002","who":"Cora Chen","outcome":"told","reason":"assigned (resource)"},{"subject":"note:TicketNote:5002","who":"Ana Alvarez","outcome":"skipped","reason":"author of the note"},{"subject":"note:TicketNote:5002","who":"Dan Doe","outcome":"skipped","reason":"not on Webex: nobody found for dan@msp.example"},{"subject":"note:TicketNote:5003","who":"Ana Alvarez","outcome":"told","reason":"assigned (resource)"},{"subject":"note:TicketNote:5003","who":"Ben Bauer","outcome":"skipped","reason":"author of the note, through forward 1 (Cora Chen > you)"},{"subject":"note:TicketNote:5003","who":"Cora Chen","outcome":"told","reason":"assigned (resource)"},{"subject":"note:TicketNote:5003","who":"Dan Doe","outcome":"skipped","reason":"not on Webex: nobody found for dan@msp.example"}]', '2026-03-02 09:01:00+00');
INSERT INTO public.event VALUES (3, 1001, 'done', 'catch-up', NULL, NULL, 'catch-up-1', 1, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"new:1001","who":"everybody","outcome":"not told","reason":"no new note"}]', '2026-03-02 09:01:00+00');
INSERT INTO public.event VALUES (4, 1002, 'done', 'hook', 'added', NULL, 'hook-1002', 1, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"new:1002","who":"Help Desk","outcome":"skipped","reason":"notifications off (rule 1)"},{"subject":"new:1002","who":"Ben Bauer","outcome":"skipped","reason":"notifications off (assigned (resource))"}]', '2026-03-02 09:01:00+00');
INSERT INTO public.event VALUES (5, 1003, 'done', 'hook', 'added', NULL, 'hook-1003', 1, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"new:1003","who":"Help Desk","outcome":"told","reason":"rule 1"},{"subject":"new:1003","who":"Ana Alvarez","outcome":"told","reason":"assigned (resource)"}]', '2026-03-02 09:01:00+00');
INSERT INTO public.event VALUES (6, 1004, 'done', 'hook', 'added', NULL, 'hook-1004', 1, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"new:1004","who":"Help Desk","outcome":"told","reason":"rule 1"},{"subject":"new:1004","who":"Ben Bauer","outcome":"told","reason":"assigned (resource)"}]', '2026-03-02 09:01:00+00');
INSERT INTO public.event VALUES (7, 1004, 'done', 'hook', 'deleted', NULL, 'hook-1004', 1, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"new:1004","who":"everybody","outcome":"not told","reason":"deleted in ConnectWise"}]', '2026-03-02 09:01:00+00');
INSERT INTO public.event VALUES (8, 1005, 'done', 'hook', 'added', NULL, 'hook-1005', 1, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"new:1005","who":"Help Desk","outcome":"told","reason":"rule 1"},{"subject":"new:1005","who":"Ben Bauer","outcome":"told","reason":"assigned (resource)"}]', '2026-03-02 09:01:00+00');
INSERT INTO public.event VALUES (9, 1005, 'done', 'hook', 'updated', NULL, 'hook-1005', 1, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"new:1005","who":"everybody","outcome":"not told","reason":"no new note"}]', '2026-03-02 09:01:00+00');
INSERT INTO public.event VALUES (10, 1005, 'dead', 'hook', 'updated', NULL, 'hook-1005', 1, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-03 09:04:31+00', 297, 0, NULL, NULL, 'given up after 24 hours: ConnectWise: GET /service/tickets/1005 answered 500: Simulated failure.', '[]', '2026-03-03 09:04:31+00');
INSERT INTO public.event VALUES (11, 1006, 'done', 'hook', 'added', NULL, 'hook-1006', 1, '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', 0, 0, NULL, NULL, NULL, '[{"subject":"new:1006","who":"Help Desk","outcome":"told","reason":"rule 1"},{"subject":"new:1006","who":"Ana Alvarez","outcome":"told","reason":"assigned (resource)"}]', '2026-03-03 10:04:00+00');
INSERT INTO public.event VALUES (12, 1007, 'running', 'hook', 'added', NULL, 'hook-1007', 1, '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', 0, 0, 'vanished-machine/4711/1/0a1b2c3d', '2026-03-03 10:04:30+00', NULL, '[]', NULL);
INSERT INTO public.event VALUES (13, 1007, 'waiting', 'hook', 'updated', NULL, 'hook-1007', 1, '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', 0, 0, NULL, NULL, NULL, '[]', NULL);
INSERT INTO public.event VALUES (14, 1008, 'waiting', 'hook', 'added', NULL, 'hook-1008', 1, '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', 0, 0, NULL, NULL, NULL, '[]', NULL);
INSERT INTO public.event_crash VALUES (12, 1);
INSERT INTO public.fact VALUES ('oldest_program', '"0.1.0"');
INSERT INTO public.fact VALUES ('watching_since', '"2026-03-02T09:00:00+00:00"');
INSERT INTO public.fact VALUES ('catch_up_watermark', '"2026-03-03T10:04:00+00:00"');
INSERT INTO public.forward VALUES (1, 5, 4, '2026-03-01', '2026-03-15', true, true, '2026-03-02 09:00:00+00');
INSERT INTO public.forward VALUES (2, 4, 3, '2026-04-01T08:00:00+02:00', NULL, false, true, '2026-03-02 09:00:00+00');
INSERT INTO public.forward VALUES (3, 3, 5, NULL, NULL, false, false, '2026-03-02 09:00:00+00');
INSERT INTO public.hold VALUES ('webex', '2026-03-03 10:04:40+00', '2026-03-03 10:04:00+00', 1, 'Webex: POST /messages answered 429: Slow down');
INSERT INTO public.lease VALUES ('catch-up', 'vanished-machine/4711/1/0a1b2c3d', '2026-03-03 10:05:00+00');
INSERT INTO public.member VALUES (403, 'ben', 'ben', 'Ben Bauer', 'ben@msp.example', false, 'F', '2026-03-02 09:00:00+00', NULL);
INSERT INTO public.member VALUES (404, 'cora', 'cora', 'Cora Chen', 'cora@msp.example', false, 'F', '2026-03-02 09:00:00+00', NULL);
INSERT INTO public.member VALUES (405, 'dan', 'dan', 'Dan Doe', 'dan@msp.example', false, 'F', '2026-03-02 09:00:00+00', NULL);
INSERT INTO public.member VALUES (402, 'ana', 'ana', 'Ana Alvarez', 'ana@msp.example', false, 'F', '2026-03-03 10:04:00+00', NULL);
INSERT INTO public.note VALUES (1, 'TicketNote', 5001, 1001, 'It burns.', false, false, NULL, 'Gus Hanrahan', '2026-03-02 09:00:00+00', '2026-03-02 09:00:00+00', '2026-03-02 09:00:00+00', '2026-03-02 09:00:00+00');
INSERT INTO public.note VALUES (2, 'TicketNote', 5002, 1001, 'Not any more.', false, false, 'ana', 'Ana Alvarez', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.note VALUES (3, 'TicketNote', 5003, 1001, 'Do not tell the customer.', true, false, 'ben', 'Ben Bauer', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.note VALUES (4, 'TicketNote', 5004, 1002, 'Nobody hears of it.', false, false, NULL, 'Gus Hanrahan', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.note VALUES (5, 'TicketNote', 5005, 1003, 'This one is refused and dead.', false, false, NULL, 'Gus Hanrahan', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.note VALUES (6, 'TicketNote', 5006, 1004, 'Deleted later.', false, false, NULL, 'Gus Hanrahan', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.note VALUES (7, 'TicketNote', 5007, 1005, 'Closed later.', false, false, NULL, 'Gus Hanrahan', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.note VALUES (8, 'TicketNote', 5008, 1006, 'Is being sent.', false, false, NULL, 'Gus Hanrahan', '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00');
INSERT INTO public.notification VALUES (5, 1001, 1, 'hook-1001', 'new:1001', 'member:dan', 'new', 'TicketNote', 5001, NULL, 'Dan Doe', 'skipped', 'not on Webex: nobody found for dan@msp.example', '[]', '', 0, 0, NULL, false, false, false, false, NULL, NULL, '2026-03-02 09:00:00+00', NULL, '2026-03-03 09:00:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.notification VALUES (1, 1001, 1, 'hook-1001', 'new:1001', 'recipient:1', 'new', 'TicketNote', 5001, 1, 'Help Desk', 'sent', 'rule 1', '[]', '**New ticket** [#1001](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1001&companyName=msp) Printer on fire  
**Company:** Hanrahan Logistics · **Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> It burns.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvNTEzYWI5ZDEtNTc2OS01MTJjLTk1MzQtOTliOWRiNDJmZTQz', NULL, '2026-03-02 09:00:00+00', NULL, '2026-03-03 09:00:00+00', NULL, NULL, NULL, '2026-03-02 09:00:00+00');
INSERT INTO public.notification VALUES (2, 1001, 1, 'hook-1001', 'new:1001', 'recipient:3', 'new', 'TicketNote', 5001, 3, 'Ana Alvarez', 'sent', 'assigned (resource)', '[]', '**New ticket** [#1001](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1001&companyName=msp) Printer on fire  
**Company:** Hanrahan Logistics · **Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> It burns.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvYzkzM2FmNTktMTVmYi01YWM1LThiMjktZDk4N2YyODU4MTcw', NULL, '2026-03-02 09:00:00+00', NULL, '2026-03-03 09:00:00+00', NULL, NULL, NULL, '2026-03-02 09:00:00+00');
INSERT INTO public.notification VALUES (3, 1001, 1, 'hook-1001', 'new:1001', 'recipient:4', 'new', 'TicketNote', 5001, 4, 'Ben Bauer', 'sent', 'assigned (resource)', '[]', '**New ticket** [#1001](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1001&companyName=msp) Printer on fire  
**Company:** Hanrahan Logistics · **Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> It burns.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvMDY0Y2I1ZjMtOWZiOS01ODc2LWE4NGYtYTE4MjMwMGY0OTJm', NULL, '2026-03-02 09:00:00+00', NULL, '2026-03-03 09:00:00+00', NULL, NULL, NULL, '2026-03-02 09:00:00+00');
INSERT INTO public.notification VALUES (4, 1001, 1, 'hook-1001', 'new:1001', 'recipient:5', 'new', 'TicketNote', 5001, 5, 'Cora Chen', 'sent', 'assigned (resource)', '[]', '**New ticket** [#1001](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1001&companyName=msp) Printer on fire  
**Company:** Hanrahan Logistics · **Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> It burns.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvNDIxNDAyZGQtOTA3Ny01MjFlLTkyOGQtYzQyMzcwNzNhNzkz', NULL, '2026-03-02 09:00:00+00', NULL, '2026-03-03 09:00:00+00', NULL, NULL, NULL, '2026-03-02 09:00:00+00');
INSERT INTO public.notification VALUES (6, 1001, 2, 'hook-1001', 'note:TicketNote:5002', 'recipient:4', 'update', 'TicketNote', 5002, 4, 'Ben Bauer', 'sent', 'assigned (resource)', '[]', '**Ticket updated** [#1001](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1001&companyName=msp) Printer on fire  
**Company:** Hanrahan Logistics · **Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Ana Alvarez**:
> Not any more.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvZmE0ZTU2MDYtNjBkYi01M2IwLTlmMDQtOWNkNDFiMjI0OGE5', NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, '2026-03-02 09:01:00+00');
INSERT INTO public.notification VALUES (8, 1001, 2, 'hook-1001', 'note:TicketNote:5002', 'recipient:3', 'update', 'TicketNote', 5002, 3, 'Ana Alvarez', 'skipped', 'author of the note', '[]', '', 0, 0, NULL, false, false, false, false, NULL, NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.notification VALUES (9, 1001, 2, 'hook-1001', 'note:TicketNote:5002', 'member:dan', 'update', 'TicketNote', 5002, NULL, 'Dan Doe', 'skipped', 'not on Webex: nobody found for dan@msp.example', '[]', '', 0, 0, NULL, false, false, false, false, NULL, NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.notification VALUES (11, 1001, 2, 'hook-1001', 'note:TicketNote:5003', 'recipient:4', 'update', 'TicketNote', 5003, 4, 'Ben Bauer', 'skipped', 'author of the note, through forward 1 (Cora Chen > you)', '[]', '', 0, 0, NULL, false, false, false, false, NULL, NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.notification VALUES (13, 1001, 2, 'hook-1001', 'note:TicketNote:5003', 'member:dan', 'update', 'TicketNote', 5003, NULL, 'Dan Doe', 'skipped', 'not on Webex: nobody found for dan@msp.example', '[]', '', 0, 0, NULL, false, false, false, false, NULL, NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.notification VALUES (7, 1001, 2, 'hook-1001', 'note:TicketNote:5002', 'recipient:5', 'update', 'TicketNote', 5002, 5, 'Cora Chen', 'sent', 'assigned (resource)', '[]', '**Ticket updated** [#1001](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1001&companyName=msp) Printer on fire  
**Company:** Hanrahan Logistics · **Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Ana Alvarez**:
> Not any more.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvNGM0NTRiMzQtMThhMS01MDYxLTlkNzQtZDJmZDcwYmU2ZTAy', NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, '2026-03-02 09:01:00+00');
INSERT INTO public.notification VALUES (10, 1001, 2, 'hook-1001', 'note:TicketNote:5003', 'recipient:3', 'update', 'TicketNote', 5003, 3, 'Ana Alvarez', 'sent', 'assigned (resource)', '[]', '**Ticket updated** [#1001](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1001&companyName=msp) Printer on fire  
**Company:** Hanrahan Logistics · **Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Ben Bauer** (internal):
> Do not tell the customer.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvYThlZGMyNGUtZDc4OS01ODlmLTgwOTYtNjkwZTFlNTRkMDE1', NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, '2026-03-02 09:01:00+00');
INSERT INTO public.notification VALUES (12, 1001, 2, 'hook-1001', 'note:TicketNote:5003', 'recipient:5', 'update', 'TicketNote', 5003, 5, 'Cora Chen', 'sent', 'assigned (resource)', '[]', '**Ticket updated** [#1001](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1001&companyName=msp) Printer on fire  
**Company:** Hanrahan Logistics · **Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Ben Bauer** (internal):
> Do not tell the customer.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvZGJhYTA2NmEtZmU3ZS01YTg3LTk0MjMtY2RmZDU2NWMzYzk3', NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, '2026-03-02 09:01:00+00');
INSERT INTO public.notification VALUES (14, 1002, 4, 'hook-1002', 'new:1002', 'recipient:1', 'new', 'TicketNote', 5004, 1, 'Help Desk', 'skipped', 'notifications off (rule 1)', '[]', '', 0, 0, NULL, false, false, false, false, NULL, NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.notification VALUES (15, 1002, 4, 'hook-1002', 'new:1002', 'recipient:4', 'new', 'TicketNote', 5004, 4, 'Ben Bauer', 'skipped', 'notifications off (assigned (resource))', '[]', '', 0, 0, NULL, false, false, false, false, NULL, NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.notification VALUES (16, 1003, 5, 'hook-1003', 'new:1003', 'recipient:1', 'new', 'TicketNote', 5005, 1, 'Help Desk', 'dead', 'rule 1', '[]', '**New ticket** [#1003](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1003&companyName=msp) Printer on fire  
**Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> This one is refused and dead.', 1, 1, 'Webex: POST /messages answered 400: Not allowed to post.', false, false, false, false, NULL, NULL, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', NULL, NULL, NULL, NULL);
INSERT INTO public.notification VALUES (17, 1003, 5, 'hook-1003', 'new:1003', 'recipient:3', 'new', 'TicketNote', 5005, 3, 'Ana Alvarez', 'sent', 'assigned (resource)', '[]', '**New ticket** [#1003](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1003&companyName=msp) Printer on fire  
**Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> This one is refused and dead.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvYzkzMGI4MzQtMmYwMy01ODQ4LWIwZjAtMDYxYTAwNWJiNWUw', NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, '2026-03-02 09:01:00+00');
INSERT INTO public.notification VALUES (18, 1004, 6, 'hook-1004', 'new:1004', 'recipient:1', 'new', 'TicketNote', 5006, 1, 'Help Desk', 'sent', 'rule 1', '[]', '**New ticket** [#1004](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1004&companyName=msp) Printer on fire  
**Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> Deleted later.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvNjdhZjdjYzEtNjMyZS01MTJlLTk4MjYtNDQyM2JhNDY0NTY5', NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, '2026-03-02 09:01:00+00');
INSERT INTO public.notification VALUES (19, 1004, 6, 'hook-1004', 'new:1004', 'recipient:4', 'new', 'TicketNote', 5006, 4, 'Ben Bauer', 'sent', 'assigned (resource)', '[]', '**New ticket** [#1004](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1004&companyName=msp) Printer on fire  
**Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> Deleted later.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvOTY2ZDRjZTMtYmQyYy01Mzg3LWExYjctZDk2NTczZGY0ODg1', NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, '2026-03-02 09:01:00+00');
INSERT INTO public.notification VALUES (20, 1005, 8, 'hook-1005', 'new:1005', 'recipient:1', 'new', 'TicketNote', 5007, 1, 'Help Desk', 'sent', 'rule 1', '[]', '**New ticket** [#1005](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1005&companyName=msp) Printer on fire  
**Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> Closed later.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvN2Y5M2VlMzYtZjZjMy01ZDlkLThhZmItNjk2YTA1MWY2N2Zm', NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, '2026-03-02 09:01:00+00');
INSERT INTO public.notification VALUES (21, 1005, 8, 'hook-1005', 'new:1005', 'recipient:4', 'new', 'TicketNote', 5007, 4, 'Ben Bauer', 'sent', 'assigned (resource)', '[]', '**New ticket** [#1005](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1005&companyName=msp) Printer on fire  
**Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> Closed later.', 1, 0, NULL, false, false, false, false, 'Y2lzY29zcGFyazovL3VzL01FU1NBR0UvODBjZjBjNjEtNzhlOS01MmE1LWFmY2ItM2JjZmZkNjhmNzMz', NULL, '2026-03-02 09:01:00+00', NULL, '2026-03-03 09:01:00+00', NULL, NULL, NULL, '2026-03-02 09:01:00+00');
INSERT INTO public.notification VALUES (23, 1006, 11, 'hook-1006', 'new:1006', 'recipient:3', 'new', 'TicketNote', 5008, 3, 'Ana Alvarez', 'sending', 'assigned (resource)', '[]', '**New ticket** [#1006](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1006&companyName=msp) Printer on fire  
**Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> Is being sent.', 0, 0, NULL, false, false, false, false, NULL, NULL, '2026-03-03 10:04:00+00', NULL, '2026-03-04 10:04:00+00', '2026-03-03 10:04:00+00', 'vm:180f4d3f-a177-4208-bfad-ff30ac318758:pid:[4026531836]/15087/1402887/6873d3e4', '2026-03-03 10:04:30+00', NULL);
INSERT INTO public.notification VALUES (22, 1006, 11, 'hook-1006', 'new:1006', 'recipient:1', 'new', 'TicketNote', 5008, 1, 'Help Desk', 'pending', 'rule 1', '[]', '**New ticket** [#1006](https://na.cw.example/v4/services/system_io/Service/fv_sr100_request.rails?service_recid=1006&companyName=msp) Printer on fire  
**Contact:** Gus Hanrahan  
**Board:** Service Desk · **Status:** New · **Priority:** Priority 3 - Normal Response
**Gus Hanrahan**:
> Is being sent.', 1, 1, 'Webex: POST /messages answered 503: Simulated failure.', false, false, false, false, NULL, NULL, '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', '2026-03-04 10:04:00+00', '2026-03-03 10:04:01+00', NULL, NULL, NULL);
INSERT INTO public.person_email VALUES ('ana@msp.example', 3);
INSERT INTO public.person_email VALUES ('ben@msp.example', 4);
INSERT INTO public.person_email VALUES ('cora@msp.example', 5);
INSERT INTO public.person_email VALUES ('a.alvarez@example.com', 3);
INSERT INTO public.recipient VALUES (1, 'room', 'Y2lzY29zcGFyazovL3VzL1JPT00vNzM3YmY2ZjgtMDY5YS01NjhiLWFmYzctNTE5YTdmYTU3ODdk', 'Help Desk', NULL, true, NULL, NULL);
INSERT INTO public.recipient VALUES (2, 'room', 'Y2lzY29zcGFyazovL3VzL1JPT00vZTM5Nzc1YTktZDE5NS01MTE2LTk1ZWMtY2ExMjQ1MGNiMzNk', 'Night shift', NULL, true, NULL, NULL);
INSERT INTO public.recipient VALUES (4, 'person', 'Y2lzY29zcGFyazovL3VzL1BFT1BMRS9jMzQ5YzAxYS04Njc5LTVhOTUtODdlMC1jMDY3MmUwY2QwMjg', 'Ben Bauer', 'ben@msp.example', true, '2026-03-02 09:00:00+00', '2026-03-02 09:00:00+00');
INSERT INTO public.recipient VALUES (5, 'person', 'Y2lzY29zcGFyazovL3VzL1BFT1BMRS81YjkyNTEzZi1kZTBkLTUxOGItYWUzNy1iODdhMTFkMTBmODU', 'Cora Chen', 'cora@msp.example', true, '2026-03-02 09:00:00+00', '2026-03-02 09:00:00+00');
INSERT INTO public.recipient VALUES (3, 'person', 'Y2lzY29zcGFyazovL3VzL1BFT1BMRS81M2YzZDBlNS1iMGI4LTViMTUtOTgxNS0zNmQ1MDBjNGEzZjI', 'Ana Alvarez', 'ana@msp.example', true, '2026-03-02 09:00:00+00', '2026-03-03 10:04:00+00');
INSERT INTO public.rule VALUES (1, 1, 1, true, '2026-11-27 21:11:44.622533+00');
INSERT INTO public.rule VALUES (2, 1, 2, false, '2026-11-27 21:11:44.625286+00');
INSERT INTO public.schema_migration VALUES (1, '0001_first_release', '2026-11-27 21:11:44.458391');
INSERT INTO public.schema_migration VALUES (2, '0002_first_fixes', '2026-11-27 21:11:44.464657');
INSERT INTO public.seen_message VALUES ('message-1', '2026-03-02 09:01:00+00');
INSERT INTO public.seen_message VALUES ('message-2', '2026-03-02 09:01:00+00');
INSERT INTO public.signing_key VALUES ('https://api.example/system/callbackkey/1', 'a signing key', '2026-03-03 10:04:00+00');
INSERT INTO public.status VALUES (101, 1, 'New', false, false, '2026-03-03 10:04:00+00', NULL);
INSERT INTO public.status VALUES (102, 1, 'In Progress', false, false, '2026-03-03 10:04:00+00', NULL);
INSERT INTO public.status VALUES (103, 1, '>Closed', true, false, '2026-03-03 10:04:00+00', NULL);
INSERT INTO public.sync_run VALUES (1, 'done', '{"boards":true}', '[]', 0, '[]', 'ana@example.com', false, 'vanished-machine/4711/1/0a1b2c3d', NULL, '2026-03-03 10:01:00+00', '2026-03-03 10:01:20+00');
INSERT INTO public.sync_run VALUES (2, 'failed', '{"boards":true}', '[]', 0, '[]', 'ana@example.com', false, 'vanished-machine/4711/1/0a1b2c3d', NULL, '2026-03-03 10:02:00+00', '2026-03-03 10:02:20+00');
INSERT INTO public.sync_run VALUES (3, 'running', '{"boards":true}', '[{"name":"boards","total":2,"done":1,"errors":0}]', 0, '[]', 'ana@example.com', false, 'vanished-machine/4711/1/0a1b2c3d', '2026-03-03 10:04:00+00', '2026-03-03 10:03:00+00', NULL);
INSERT INTO public.ticket VALUES (1001, 'service', 'Printer on fire', 1, 'Service Desk', 'New', 201, 'Hanrahan Logistics', 301, 'Gus Hanrahan', 'Priority 3 - Normal Response', NULL, '["ana","ben","cora","dan"]', true, '2026-03-02 09:00:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', NULL, '2026-03-02 09:00:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.ticket VALUES (1002, 'service', 'Printer on fire', 1, 'Service Desk', 'New', NULL, NULL, 301, 'Gus Hanrahan', 'Priority 3 - Normal Response', NULL, '["ben"]', true, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', NULL, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.ticket VALUES (1003, 'service', 'Printer on fire', 1, 'Service Desk', 'New', NULL, NULL, 301, 'Gus Hanrahan', 'Priority 3 - Normal Response', NULL, '["ana"]', true, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', NULL, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.ticket VALUES (1004, 'service', 'Printer on fire', 1, 'Service Desk', 'New', NULL, NULL, 301, 'Gus Hanrahan', 'Priority 3 - Normal Response', NULL, '["ben"]', true, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.ticket VALUES (1005, 'service', 'Printer on fire', 1, 'Service Desk', '>Closed', NULL, NULL, 301, 'Gus Hanrahan', 'Priority 3 - Normal Response', NULL, '["ben"]', false, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', NULL, '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00', '2026-03-02 09:01:00+00');
INSERT INTO public.ticket VALUES (1006, 'service', 'Printer on fire', 1, 'Service Desk', 'New', NULL, NULL, 301, 'Gus Hanrahan', 'Priority 3 - Normal Response', NULL, '["ana"]', true, '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', NULL, '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00', '2026-03-03 10:04:00+00');
INSERT INTO public."user" VALUES (1, 'ana', 'ana@example.com', 'ana@example.com', '2026-03-02 09:00:00+00');
INSERT INTO public."user" VALUES (2, 'Ben Bauer', 'Ben@Example.com', 'ben@example.com', '2026-03-02 09:00:00+00');
SELECT pg_catalog.setval('public.api_key_id_seq', 2, true);
SELECT pg_catalog.setval('public.audit_id_seq', 5, true);
SELECT pg_catalog.setval('public.event_id_seq', 14, true);
SELECT pg_catalog.setval('public.forward_id_seq', 3, true);
SELECT pg_catalog.setval('public.note_id_seq', 8, true);
SELECT pg_catalog.setval('public.notification_id_seq', 23, true);
SELECT pg_catalog.setval('public.recipient_id_seq', 9, true);
SELECT pg_catalog.setval('public.rule_id_seq', 2, true);
SELECT pg_catalog.setval('public.schema_migration_id_seq', 2, true);
SELECT pg_catalog.setval('public.sync_run_id_seq', 3, true);
SELECT pg_catalog.setval('public.user_id_seq', 2, true);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.board
    ADD CONSTRAINT board_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.company
    ADD CONSTRAINT company_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.config_value
    ADD CONSTRAINT config_value_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.contact
    ADD CONSTRAINT contact_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.event_crash
    ADD CONSTRAINT event_crash_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.fact
    ADD CONSTRAINT fact_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.forward
    ADD CONSTRAINT forward_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (service);
ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.note
    ADD CONSTRAINT note_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT notification_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.person_email
    ADD CONSTRAINT person_email_pkey PRIMARY KEY (email, recipient_id);
ALTER TABLE ONLY public.recipient
    ADD CONSTRAINT recipient_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.rule
    ADD CONSTRAINT rule_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.seen_message
    ADD CONSTRAINT seen_message_pkey PRIMARY KEY (message_id);
ALTER TABLE ONLY public.signing_key
    ADD CONSTRAINT signing_key_pkey PRIMARY KEY (address);
ALTER TABLE ONLY public.status
    ADD CONSTRAINT status_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sync_run
    ADD CONSTRAINT sync_run_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ticket
    ADD CONSTRAINT ticket_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public."user"
    ADD CONSTRAINT user_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX api_key_prefix ON public.api_key USING btree (prefix);
CREATE INDEX api_key_user_id ON public.api_key USING btree (user_id);
CREATE INDEX audit_at ON public.audit USING btree (at);
CREATE INDEX event_due ON public.event USING btree (due_at, id) WHERE (state = 'waiting'::text);
CREATE INDEX event_lease ON public.event USING btree (lease_until) WHERE (state = 'running'::text);
CREATE UNIQUE INDEX event_one_running ON public.event USING btree (ticket_id) WHERE (state = 'running'::text);
CREATE UNIQUE INDEX event_one_waiting ON public.event USING btree (ticket_id) WHERE (state = 'waiting'::text);
CREATE INDEX event_state ON public.event USING btree (state, id);
CREATE INDEX event_ticket_id ON public.event USING btree (ticket_id);
CREATE INDEX forward_destination_id ON public.forward USING btree (destination_id);
CREATE INDEX forward_source_id ON public.forward USING btree (source_id);
CREATE INDEX member_lookup ON public.member USING btree (lookup);
CREATE UNIQUE INDEX note_kind_note_id ON public.note USING btree (kind, note_id);
CREATE INDEX note_ticket_id ON public.note USING btree (ticket_id);
CREATE INDEX notification_created ON public.notification USING btree (created_at);
CREATE INDEX notification_due ON public.notification USING btree (next_try_at, id) WHERE (state = 'pending'::text);
CREATE INDEX notification_event_id ON public.notification USING btree (event_id);
CREATE INDEX notification_lease ON public.notification USING btree (lease_until) WHERE (state = 'sending'::text);
CREATE INDEX notification_queue ON public.notification USING btree (recipient_id, id) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text]));
CREATE INDEX notification_recipient_id ON public.notification USING btree (recipient_id);
CREATE INDEX notification_state ON public.notification USING btree (state, id);
CREATE UNIQUE INDEX notification_subject_target ON public.notification USING btree (subject, target);
CREATE INDEX notification_ticket_id ON public.notification USING btree (ticket_id);
CREATE INDEX person_email_recipient_id ON public.person_email USING btree (recipient_id);
CREATE INDEX recipient_email ON public.recipient USING btree (email);
CREATE UNIQUE INDEX recipient_webex_id ON public.recipient USING btree (webex_id);
CREATE INDEX rule_board_id ON public.rule USING btree (board_id);
CREATE UNIQUE INDEX rule_board_id_recipient_id ON public.rule USING btree (board_id, recipient_id);
CREATE INDEX rule_recipient_id ON public.rule USING btree (recipient_id);
CREATE UNIQUE INDEX schema_migration_name ON public.schema_migration USING btree (name);
CREATE INDEX seen_message_received_at ON public.seen_message USING btree (received_at);
CREATE INDEX status_board_id ON public.status USING btree (board_id);
CREATE UNIQUE INDEX sync_run_one_running ON public.sync_run USING btree (state) WHERE (state = 'running'::text);
CREATE INDEX ticket_board_id ON public.ticket USING btree (board_id);
CREATE INDEX ticket_open ON public.ticket USING btree (id) WHERE (open AND (deleted_at IS NULL));
CREATE UNIQUE INDEX user_email_lookup ON public."user" USING btree (email_lookup);
ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.event_crash
    ADD CONSTRAINT event_crash_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.event(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.forward
    ADD CONSTRAINT forward_destination_id_fkey FOREIGN KEY (destination_id) REFERENCES public.recipient(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.forward
    ADD CONSTRAINT forward_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.recipient(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT notification_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.event(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.notification
    ADD CONSTRAINT notification_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES public.recipient(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.person_email
    ADD CONSTRAINT person_email_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES public.recipient(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.rule
    ADD CONSTRAINT rule_board_id_fkey FOREIGN KEY (board_id) REFERENCES public.board(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.rule
    ADD CONSTRAINT rule_recipient_id_fkey FOREIGN KEY (recipient_id) REFERENCES public.recipient(id) ON DELETE RESTRICT;
