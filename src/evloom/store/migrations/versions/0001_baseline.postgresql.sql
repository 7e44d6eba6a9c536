CREATE TABLE acknowledgement (
	ack_id TEXT NOT NULL,
	org_id TEXT NOT NULL,
	site_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	subject TEXT NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	actor TEXT NOT NULL,
	note TEXT NOT NULL,
	CONSTRAINT pk_acknowledgement PRIMARY KEY (ack_id)
);
CREATE INDEX ix_acknowledgement_subject ON acknowledgement (kind, subject);
CREATE TABLE api_key (
	key_id TEXT NOT NULL,
	prefix TEXT NOT NULL,
	key_hash TEXT NOT NULL,
	org_id TEXT NOT NULL,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	site_ids TEXT NOT NULL,
	driver_id TEXT NOT NULL,
	created_at_s DOUBLE PRECISION NOT NULL,
	created_by TEXT NOT NULL,
	expires_at_s DOUBLE PRECISION,
	last_used_s DOUBLE PRECISION,
	revoked_at_s DOUBLE PRECISION,
	CONSTRAINT pk_api_key PRIMARY KEY (key_id)
);
CREATE INDEX ix_api_key_org_id ON api_key (org_id, key_id);
CREATE UNIQUE INDEX uq_api_key_prefix ON api_key (prefix);
CREATE TABLE assignment (
	number BIGSERIAL NOT NULL,
	org_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	scope TEXT NOT NULL,
	subject TEXT NOT NULL,
	terms_id TEXT NOT NULL,
	from_s DOUBLE PRECISION NOT NULL,
	created_at_s DOUBLE PRECISION NOT NULL,
	actor TEXT NOT NULL,
	CONSTRAINT pk_assignment PRIMARY KEY (number)
);
CREATE INDEX ix_assignment_org_id_kind ON assignment (org_id, kind, scope, subject);
CREATE TABLE audit (
	audit_id BIGSERIAL NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	org_id TEXT NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	subject TEXT NOT NULL,
	before_digest TEXT NOT NULL,
	after_digest TEXT NOT NULL,
	remote TEXT NOT NULL,
	request_id TEXT NOT NULL,
	CONSTRAINT pk_audit PRIMARY KEY (audit_id)
);
CREATE INDEX ix_audit_org_id ON audit (org_id, audit_id);
CREATE TABLE base_load (
	site_id TEXT NOT NULL,
	node TEXT NOT NULL,
	begin_s DOUBLE PRECISION NOT NULL,
	mean_kw DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_base_load PRIMARY KEY (site_id, node, begin_s)
);
CREATE INDEX ix_base_load_begin_s ON base_load (begin_s);
CREATE TABLE battery (
	pack_id TEXT NOT NULL,
	org_id TEXT NOT NULL,
	vehicle_id TEXT NOT NULL,
	chemistry TEXT NOT NULL,
	n_cell INTEGER NOT NULL,
	n_probe INTEGER NOT NULL,
	capacity_ah DOUBLE PRECISION,
	first_s DOUBLE PRECISION NOT NULL,
	last_s DOUBLE PRECISION NOT NULL,
	known_s DOUBLE PRECISION NOT NULL,
	n_frame BIGINT NOT NULL,
	days INTEGER NOT NULL,
	level INTEGER NOT NULL,
	severity DOUBLE PRECISION NOT NULL,
	urgency DOUBLE PRECISION NOT NULL,
	soc DOUBLE PRECISION,
	charging INTEGER NOT NULL,
	view TEXT NOT NULL,
	health TEXT NOT NULL,
	card TEXT NOT NULL,
	CONSTRAINT pk_battery PRIMARY KEY (pack_id)
);
CREATE INDEX ix_battery_org_id ON battery (org_id, urgency, pack_id);
CREATE INDEX ix_battery_urgency ON battery (urgency, pack_id);
CREATE INDEX ix_battery_vehicle_id ON battery (vehicle_id);
CREATE TABLE battery_stay (
	pack_id TEXT NOT NULL,
	from_s DOUBLE PRECISION NOT NULL,
	vehicle_id TEXT NOT NULL,
	CONSTRAINT pk_battery_stay PRIMARY KEY (pack_id, from_s)
);
CREATE TABLE battery_warning (
	warning_id TEXT NOT NULL,
	pack_id TEXT NOT NULL,
	vehicle_id TEXT NOT NULL,
	cell INTEGER,
	probe INTEGER,
	level TEXT NOT NULL,
	cause TEXT NOT NULL,
	severity DOUBLE PRECISION NOT NULL,
	first_seen_s DOUBLE PRECISION NOT NULL,
	last_seen_s DOUBLE PRECISION NOT NULL,
	opened_s DOUBLE PRECISION NOT NULL,
	updated_s DOUBLE PRECISION NOT NULL,
	closed_s DOUBLE PRECISION,
	acknowledged_s DOUBLE PRECISION,
	acknowledged_by TEXT NOT NULL,
	note TEXT NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_battery_warning PRIMARY KEY (warning_id)
);
CREATE INDEX ix_battery_warning_opened_s ON battery_warning (opened_s, warning_id);
CREATE INDEX ix_battery_warning_pack_id ON battery_warning (pack_id, opened_s);
CREATE TABLE battery_warning_change (
	change_id BIGSERIAL NOT NULL,
	warning_id TEXT NOT NULL,
	pack_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	known_s DOUBLE PRECISION NOT NULL,
	level TEXT NOT NULL,
	severity DOUBLE PRECISION NOT NULL,
	cause TEXT NOT NULL,
	actor TEXT NOT NULL,
	note TEXT NOT NULL,
	CONSTRAINT pk_battery_warning_change PRIMARY KEY (change_id)
);
CREATE UNIQUE INDEX uq_battery_warning_change ON battery_warning_change (warning_id, kind, at_s, level);
CREATE TABLE billing (
	session_id TEXT NOT NULL,
	org_id TEXT NOT NULL,
	state TEXT NOT NULL,
	seen_changed_at_s DOUBLE PRECISION NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	findings TEXT NOT NULL,
	CONSTRAINT pk_billing PRIMARY KEY (session_id)
);
CREATE INDEX ix_billing_org_id ON billing (org_id, state, at_s);
CREATE INDEX ix_billing_unpriced ON billing (at_s) WHERE state = 'unpriced';
CREATE TABLE book (
	org_id TEXT NOT NULL,
	last_entry BIGINT NOT NULL,
	last_receipt BIGINT NOT NULL,
	digest TEXT NOT NULL,
	CONSTRAINT pk_book PRIMARY KEY (org_id)
);
CREATE TABLE command (
	command_id TEXT NOT NULL,
	station_id TEXT NOT NULL,
	action TEXT NOT NULL,
	body TEXT NOT NULL,
	state TEXT NOT NULL,
	deadline_s DOUBLE PRECISION NOT NULL,
	idempotency_key TEXT,
	created_at_s DOUBLE PRECISION NOT NULL,
	sent_at_s DOUBLE PRECISION,
	answered_at_s DOUBLE PRECISION,
	result TEXT NOT NULL,
	error TEXT NOT NULL,
	gateway TEXT NOT NULL,
	actor TEXT NOT NULL,
	CONSTRAINT pk_command PRIMARY KEY (command_id)
);
CREATE INDEX ix_command_created_at_s ON command (created_at_s, command_id);
CREATE INDEX ix_command_open ON command (station_id, deadline_s) WHERE state IN ('queued', 'sent');
CREATE INDEX ix_command_station_id ON command (station_id, created_at_s, command_id);
CREATE UNIQUE INDEX uq_command_idempotency_key ON command (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE TABLE conduct (
	station_id TEXT NOT NULL,
	evse INTEGER NOT NULL,
	standing TEXT NOT NULL,
	since_s DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_conduct PRIMARY KEY (station_id, evse)
);
CREATE TABLE connector_state (
	station_id TEXT NOT NULL,
	evse INTEGER NOT NULL,
	connector INTEGER NOT NULL,
	status TEXT NOT NULL,
	detail TEXT NOT NULL,
	error TEXT NOT NULL,
	info TEXT NOT NULL,
	vendor_error TEXT NOT NULL,
	since_s DOUBLE PRECISION NOT NULL,
	known_at_s DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_connector_state PRIMARY KEY (station_id, evse, connector)
);
CREATE TABLE dead_letter (
	number BIGINT NOT NULL,
	station_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	error TEXT NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_dead_letter PRIMARY KEY (number)
);
CREATE TABLE deviation (
	station_id TEXT NOT NULL,
	action TEXT NOT NULL,
	rule TEXT NOT NULL,
	field TEXT NOT NULL,
	n INTEGER NOT NULL,
	last_s DOUBLE PRECISION NOT NULL,
	value TEXT NOT NULL,
	advice TEXT NOT NULL,
	CONSTRAINT pk_deviation PRIMARY KEY (station_id, action, rule, field)
);
CREATE TABLE driver (
	driver_id TEXT NOT NULL,
	org_id TEXT NOT NULL,
	name TEXT NOT NULL,
	email TEXT NOT NULL,
	phone TEXT NOT NULL,
	language TEXT NOT NULL,
	vehicle TEXT NOT NULL,
	battery_kwh DOUBLE PRECISION,
	note TEXT NOT NULL,
	created_at_s DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_driver PRIMARY KEY (driver_id)
);
CREATE INDEX ix_driver_org_id ON driver (org_id, driver_id);
CREATE TABLE evse (
	station_id TEXT NOT NULL,
	evse INTEGER NOT NULL,
	node TEXT DEFAULT '' NOT NULL,
	rating_kw DOUBLE PRECISION NOT NULL,
	n_phase INTEGER DEFAULT '3' NOT NULL,
	phase TEXT DEFAULT '' NOT NULL,
	current_min_a DOUBLE PRECISION DEFAULT '6' NOT NULL,
	current_step_a DOUBLE PRECISION DEFAULT '1' NOT NULL,
	dc BOOLEAN DEFAULT '0' NOT NULL,
	discharge_max_kw DOUBLE PRECISION DEFAULT '0' NOT NULL,
	assumed BOOLEAN DEFAULT '0' NOT NULL,
	CONSTRAINT pk_evse PRIMARY KEY (station_id, evse)
);
CREATE TABLE frame (
	frame_id BIGSERIAL NOT NULL,
	station_id TEXT NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	direction TEXT NOT NULL,
	action TEXT NOT NULL,
	body BYTEA NOT NULL,
	number BIGINT,
	CONSTRAINT pk_frame PRIMARY KEY (frame_id)
);
CREATE INDEX ix_frame_station_id ON frame (station_id, frame_id);
CREATE TABLE gateway (
	gateway TEXT NOT NULL,
	address TEXT NOT NULL,
	started_at_s DOUBLE PRECISION NOT NULL,
	seen_at_s DOUBLE PRECISION NOT NULL,
	n_station INTEGER NOT NULL,
	CONSTRAINT pk_gateway PRIMARY KEY (gateway)
);
CREATE TABLE lease (
	name TEXT NOT NULL,
	holder TEXT NOT NULL,
	until_s DOUBLE PRECISION NOT NULL,
	epoch BIGINT NOT NULL,
	CONSTRAINT pk_lease PRIMARY KEY (name)
);
CREATE TABLE ledger_entry (
	org_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	kind TEXT NOT NULL,
	key TEXT NOT NULL,
	session_id TEXT NOT NULL,
	driver_id TEXT NOT NULL,
	refers_to BIGINT,
	currency TEXT NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	actor TEXT NOT NULL,
	reason TEXT NOT NULL,
	body TEXT NOT NULL,
	digest TEXT NOT NULL,
	CONSTRAINT pk_ledger_entry PRIMARY KEY (org_id, number),
	CONSTRAINT uq_ledger_entry_org_id_key UNIQUE (org_id, key)
);
CREATE INDEX ix_ledger_entry_driver_id ON ledger_entry (org_id, driver_id, number);
CREATE INDEX ix_ledger_entry_session_id ON ledger_entry (session_id, number);
CREATE TABLE ledger_posting (
	org_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	line INTEGER NOT NULL,
	account TEXT NOT NULL,
	subject TEXT NOT NULL,
	amount TEXT NOT NULL,
	CONSTRAINT pk_ledger_posting PRIMARY KEY (org_id, number, line)
);
CREATE INDEX ix_ledger_posting_subject ON ledger_posting (org_id, subject, number);
CREATE TABLE log (
	number BIGSERIAL NOT NULL,
	station_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	body BYTEA NOT NULL,
	happened_at_s DOUBLE PRECISION NOT NULL,
	known_at_s DOUBLE PRECISION NOT NULL,
	key TEXT,
	raw BYTEA NOT NULL,
	epoch BIGINT NOT NULL,
	CONSTRAINT pk_log PRIMARY KEY (number)
);
CREATE INDEX ix_log_station_id_number ON log (station_id, number);
CREATE UNIQUE INDEX uq_log_station_id_key ON log (station_id, key) WHERE key IS NOT NULL;
CREATE TABLE log_floor (
	station_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	before_s DOUBLE PRECISION NOT NULL,
	deviations TEXT NOT NULL,
	CONSTRAINT pk_log_floor PRIMARY KEY (station_id)
);
CREATE TABLE meter_shape (
	shape_id BIGINT NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_meter_shape PRIMARY KEY (shape_id)
);
CREATE TABLE meter_value (
	meter_value_id BIGINT NOT NULL,
	station_id TEXT NOT NULL,
	evse INTEGER NOT NULL,
	session_id TEXT NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	power_kw DOUBLE PRECISION,
	energy_kwh DOUBLE PRECISION,
	soc DOUBLE PRECISION,
	voltage_v DOUBLE PRECISION,
	current_a DOUBLE PRECISION,
	shape_id BIGINT NOT NULL,
	samples BYTEA NOT NULL,
	CONSTRAINT pk_meter_value PRIMARY KEY (meter_value_id)
);
CREATE INDEX ix_meter_value_session_id ON meter_value (session_id, at_s);
CREATE TABLE need (
	subject TEXT NOT NULL,
	departure_s DOUBLE PRECISION,
	ready_minute INTEGER,
	wanted_kwh DOUBLE PRECISION,
	soc_target DOUBLE PRECISION,
	battery_kwh DOUBLE PRECISION,
	v2g_consent BOOLEAN NOT NULL,
	priority DOUBLE PRECISION NOT NULL,
	told_at_s DOUBLE PRECISION NOT NULL,
	source TEXT NOT NULL,
	CONSTRAINT pk_need PRIMARY KEY (subject)
);
CREATE TABLE organisation (
	org_id TEXT NOT NULL,
	name TEXT NOT NULL,
	CONSTRAINT pk_organisation PRIMARY KEY (org_id)
);
CREATE TABLE ownership (
	station_id TEXT NOT NULL,
	gateway TEXT NOT NULL,
	epoch BIGINT NOT NULL,
	since_s DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_ownership PRIMARY KEY (station_id)
);
CREATE INDEX ix_ownership_gateway ON ownership (gateway);
CREATE TABLE person (
	user_id TEXT NOT NULL,
	org_id TEXT NOT NULL,
	login TEXT NOT NULL,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	site_ids TEXT NOT NULL,
	driver_id TEXT NOT NULL,
	disabled BOOLEAN NOT NULL,
	created_at_s DOUBLE PRECISION NOT NULL,
	last_login_s DOUBLE PRECISION,
	CONSTRAINT pk_person PRIMARY KEY (user_id)
);
CREATE INDEX ix_person_org_id ON person (org_id, user_id);
CREATE UNIQUE INDEX uq_person_login ON person (login);
CREATE TABLE receipt (
	org_id TEXT NOT NULL,
	number BIGINT NOT NULL,
	entry BIGINT NOT NULL,
	kind TEXT NOT NULL,
	session_id TEXT NOT NULL,
	driver_id TEXT NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	currency TEXT NOT NULL,
	total TEXT NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_receipt PRIMARY KEY (org_id, number)
);
CREATE INDEX ix_receipt_driver_id ON receipt (org_id, driver_id, number);
CREATE INDEX ix_receipt_session_id ON receipt (session_id, number);
CREATE TABLE running_day (
	day BIGINT NOT NULL,
	CONSTRAINT pk_running_day PRIMARY KEY (day)
);
CREATE TABLE session (
	session_id TEXT NOT NULL,
	station_id TEXT NOT NULL,
	evse INTEGER NOT NULL,
	connector INTEGER NOT NULL,
	transaction TEXT NOT NULL,
	token TEXT NOT NULL,
	token_type TEXT NOT NULL,
	group_id TEXT NOT NULL,
	started_at_s DOUBLE PRECISION NOT NULL,
	ended_at_s DOUBLE PRECISION,
	known_start_s DOUBLE PRECISION NOT NULL,
	begin_kwh DOUBLE PRECISION,
	last_kwh DOUBLE PRECISION,
	end_kwh DOUBLE PRECISION,
	energy_kwh DOUBLE PRECISION NOT NULL,
	discharged_kwh DOUBLE PRECISION NOT NULL,
	power_kw DOUBLE PRECISION NOT NULL,
	soc DOUBLE PRECISION,
	charging_state TEXT NOT NULL,
	reason TEXT NOT NULL,
	suspect TEXT NOT NULL,
	offline BOOLEAN NOT NULL,
	missing_seq TEXT NOT NULL,
	protocol TEXT NOT NULL,
	site_id TEXT NOT NULL,
	changed_at_s DOUBLE PRECISION NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_session PRIMARY KEY (session_id)
);
CREATE INDEX ix_session_open ON session (station_id, evse) WHERE ended_at_s IS NULL;
CREATE INDEX ix_session_site_id ON session (site_id, started_at_s, session_id);
CREATE INDEX ix_session_started_at_s ON session (started_at_s, session_id);
CREATE INDEX ix_session_station_id ON session (station_id, started_at_s, session_id);
CREATE INDEX ix_session_token ON session (token, started_at_s, session_id);
CREATE TABLE session_diagnosis (
	session_id TEXT NOT NULL,
	pack_id TEXT NOT NULL,
	vehicle_id TEXT NOT NULL,
	level INTEGER NOT NULL,
	warning_id TEXT NOT NULL,
	from_s DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_session_diagnosis PRIMARY KEY (session_id)
);
CREATE TABLE site (
	site_id TEXT NOT NULL,
	org_id TEXT NOT NULL,
	name TEXT NOT NULL,
	zone TEXT NOT NULL,
	CONSTRAINT pk_site PRIMARY KEY (site_id)
);
CREATE INDEX ix_site_org_id ON site (org_id);
CREATE TABLE site_limit (
	site_id TEXT NOT NULL,
	node TEXT NOT NULL,
	import_max_kw DOUBLE PRECISION NOT NULL,
	source TEXT NOT NULL,
	since_s DOUBLE PRECISION NOT NULL,
	until_s DOUBLE PRECISION,
	CONSTRAINT pk_site_limit PRIMARY KEY (site_id, node)
);
CREATE TABLE site_plan (
	site_id TEXT NOT NULL,
	version BIGINT NOT NULL,
	body TEXT NOT NULL,
	changed_at_s DOUBLE PRECISION NOT NULL,
	actor TEXT NOT NULL,
	CONSTRAINT pk_site_plan PRIMARY KEY (site_id, version)
);
CREATE TABLE station (
	station_id TEXT NOT NULL,
	org_id TEXT DEFAULT '' NOT NULL,
	site_id TEXT DEFAULT '' NOT NULL,
	vendor TEXT DEFAULT '' NOT NULL,
	model TEXT DEFAULT '' NOT NULL,
	serial TEXT DEFAULT '' NOT NULL,
	firmware TEXT DEFAULT '' NOT NULL,
	protocol TEXT DEFAULT '' NOT NULL,
	security_profile INTEGER DEFAULT '0' NOT NULL,
	password_hash TEXT DEFAULT '' NOT NULL,
	certificate_serial TEXT DEFAULT '' NOT NULL,
	accepted TEXT DEFAULT 'accepted' NOT NULL,
	created_at_s DOUBLE PRECISION DEFAULT '0' NOT NULL,
	last_seen_s DOUBLE PRECISION,
	boot_status TEXT DEFAULT '' NOT NULL,
	removed_at_s DOUBLE PRECISION,
	CONSTRAINT pk_station PRIMARY KEY (station_id)
);
CREATE INDEX ix_station_org_id ON station (org_id, station_id);
CREATE INDEX ix_station_site_id ON station (site_id, station_id);
CREATE TABLE station_state (
	station_id TEXT NOT NULL,
	cursor BIGINT NOT NULL,
	connected BOOLEAN NOT NULL,
	protocol TEXT NOT NULL,
	remote TEXT NOT NULL,
	gateway TEXT NOT NULL,
	security_profile INTEGER NOT NULL,
	connected_at_s DOUBLE PRECISION,
	disconnected_at_s DOUBLE PRECISION,
	vendor TEXT NOT NULL,
	model TEXT NOT NULL,
	serial TEXT NOT NULL,
	firmware TEXT NOT NULL,
	boot_status TEXT NOT NULL,
	booted_at_s DOUBLE PRECISION,
	last_seen_s DOUBLE PRECISION NOT NULL,
	n_deviation INTEGER NOT NULL,
	CONSTRAINT pk_station_state PRIMARY KEY (station_id)
);
CREATE TABLE terms_version (
	org_id TEXT NOT NULL,
	kind TEXT NOT NULL,
	terms_id TEXT NOT NULL,
	version INTEGER NOT NULL,
	from_s DOUBLE PRECISION NOT NULL,
	document TEXT NOT NULL,
	created_at_s DOUBLE PRECISION NOT NULL,
	actor TEXT NOT NULL,
	note TEXT NOT NULL,
	CONSTRAINT pk_terms_version PRIMARY KEY (org_id, kind, terms_id, version)
);
CREATE TABLE token (
	token TEXT NOT NULL,
	token_type TEXT NOT NULL,
	org_id TEXT DEFAULT '' NOT NULL,
	driver_id TEXT DEFAULT '' NOT NULL,
	group_id TEXT DEFAULT '' NOT NULL,
	master BOOLEAN DEFAULT '0' NOT NULL,
	status TEXT DEFAULT 'Accepted' NOT NULL,
	expiry_s DOUBLE PRECISION,
	language TEXT DEFAULT '' NOT NULL,
	note TEXT DEFAULT '' NOT NULL,
	CONSTRAINT pk_token PRIMARY KEY (token, token_type)
);
CREATE INDEX ix_token_driver_id ON token (driver_id);
CREATE INDEX ix_token_lower ON token (lower(token));
CREATE INDEX ix_token_org_id ON token (org_id, token);
CREATE TABLE transaction_number (
	station_id TEXT NOT NULL,
	number INTEGER NOT NULL,
	key TEXT NOT NULL,
	CONSTRAINT pk_transaction_number PRIMARY KEY (station_id, number),
	CONSTRAINT uq_transaction_number_station_id_key UNIQUE (station_id, key)
);
CREATE TABLE vehicle (
	vehicle_id TEXT NOT NULL,
	org_id TEXT NOT NULL,
	name TEXT NOT NULL,
	driver_id TEXT NOT NULL,
	tokens TEXT NOT NULL,
	pack_id TEXT NOT NULL,
	chemistry TEXT NOT NULL,
	capacity_ah DOUBLE PRECISION,
	battery_kwh DOUBLE PRECISION,
	note TEXT NOT NULL,
	created_at_s DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_vehicle PRIMARY KEY (vehicle_id)
);
CREATE INDEX ix_vehicle_driver_id ON vehicle (driver_id);
CREATE INDEX ix_vehicle_org_id ON vehicle (org_id, vehicle_id);
CREATE TABLE web_session (
	session_hash TEXT NOT NULL,
	user_id TEXT NOT NULL,
	csrf TEXT NOT NULL,
	created_at_s DOUBLE PRECISION NOT NULL,
	seen_at_s DOUBLE PRECISION NOT NULL,
	remote TEXT NOT NULL,
	agent TEXT NOT NULL,
	CONSTRAINT pk_web_session PRIMARY KEY (session_hash)
);
CREATE INDEX ix_web_session_user_id ON web_session (user_id);
CREATE TABLE writer_mark (
	writer TEXT NOT NULL,
	batch BIGINT NOT NULL,
	at_s DOUBLE PRECISION NOT NULL,
	CONSTRAINT pk_writer_mark PRIMARY KEY (writer)
);
