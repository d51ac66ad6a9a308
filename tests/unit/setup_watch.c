/* SPDX-License-Identifier: MIT */
/* What "ktls-setup offload show --watch" makes of counters that are made up here. */
#include <stdlib.h>

#include "kernel-setup/watch.h"
#include "tests/harness/harness.h"

#define SECOND 1000000000U

FIXTURE(watch)
{
	struct watch_sample before, now;
	struct offload_device devices[2]; /* before, now */
	struct netlink_counter counters[2][16];
	struct watch_finding found[WATCH_FINDINGS_MAX];
};

static void set(struct netlink_counter *counters, size_t *len, const char *name, uint64_t value)
{
	strcpy(counters[*len].name, name);
	counters[(*len)++].value = value;
}

/* Of the kernel: a counter that was 1000, and what it is more now. */
static void tls(struct test_self_watch *self, const char *name, uint64_t more)
{
	set(self->before.tls, &self->before.tls_len, name, 1000);
	set(self->now.tls, &self->now.tls_len, name, 1000 + more);
}

static void device(struct test_self_watch *self, const char *name, uint64_t more)
{
	for (int i = 0; i < 2; i++) {
		self->devices[i].counters = self->counters[i];
		set(self->counters[i], &self->devices[i].counters_len, name,
		    1000 + (i == 1 ? more : 0));
	}
}

static void turn_on(struct test_self_watch *self, enum netlink_feature feature)
{
	self->devices[1].features.states[feature].on = true;
}

/* A connection that came through a device, so that this is no trouble. */
static void one_offloaded(struct test_self_watch *self)
{
	tls(self, "TlsTxDevice", 1);
	tls(self, "TlsRxDevice", 1);
	tls(self, "TlsCurrTxDevice", 0);
}

FIXTURE_SETUP(watch)
{
	self->before = (struct watch_sample){ .ns = 5, .module = true };
	self->now = (struct watch_sample){ .ns = 5 + SECOND, .module = true };
	self->before.report = (struct offload_report){ .devices = &self->devices[0], .len = 1 };
	self->now.report = (struct offload_report){ .devices = &self->devices[1], .len = 1 };
	for (int i = 0; i < 2; i++) {
		strcpy(self->devices[i].device.name, "nic0");
		self->devices[i].device.index = 7;
		self->devices[i].device.up = true;
		self->devices[i].has_features = true;
	}
}

FIXTURE_TEARDOWN(watch)
{
	(void)self;
}

static size_t judge(struct test_self_watch *self)
{
	return watch_judge(&self->before, &self->now, self->found);
}

/* There is just this one, and the text has these words. */
static void expect_one(struct test_self_watch *self, enum watch_trouble trouble, const char *words)
{
	ASSERT_EQ(1, judge(self));
	EXPECT_STREQ(watch_trouble_name(trouble), watch_trouble_name(self->found[0].trouble));
	EXPECT_TRUE(strstr(self->found[0].text, words));
}

/* ---- reading --------------------------------------------------------------------------------- */

TEST_F(watch, reads_the_kernels_counters)
{
	struct watch_sample s = { 0 };

	EXPECT_TRUE(watch_parse_tls("TlsCurrTxSw                     \t3\n"
				    "TlsTxDevice                     \t18446744073709551615\n",
				    &s));
	EXPECT_EQ(2, s.tls_len);
	EXPECT_EQ(3, watch_value(s.tls, s.tls_len, "TlsCurrTxSw"));
	EXPECT_EQ(UINT64_MAX, watch_value(s.tls, s.tls_len, "TlsTxDevice"));
	EXPECT_EQ(0, watch_value(s.tls, s.tls_len, "TlsCurrTx"));
	EXPECT_FALSE(watch_parse_tls("", &s));
	EXPECT_FALSE(s.module);
	EXPECT_FALSE(watch_parse_tls("no counters at all\n", &s));
}

TEST_F(watch, reads_no_more_counters_than_it_has_room_for)
{
	char text[64 * WATCH_TLS_MAX] = "";
	struct watch_sample s = { 0 };

	for (int i = 0; i < WATCH_TLS_MAX + 5; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "TlsCounter%d %d\n", i,
			 i);
	EXPECT_TRUE(watch_parse_tls(text, &s));
	EXPECT_EQ(WATCH_TLS_MAX, s.tls_len);
	EXPECT_EQ(31, watch_value(s.tls, s.tls_len, "TlsCounter31"));
}

#define SNMP_NAMES                                                         \
	"Ip: Forwarding DefaultTTL\nIp: 1 64\n"                            \
	"Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens" \
	" AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs\n"

TEST_F(watch, reads_tcps_counters)
{
	struct watch_sample s = { 0 };

	EXPECT_TRUE(watch_parse_snmp(SNMP_NAMES "Tcp: 1 200 120000 -1 5 6 7 8 9 10 4711 12 13\n"
						"Udp: InDatagrams\nUdp: 0\n",
				     &s));
	EXPECT_EQ(4711, s.segments);
	EXPECT_EQ(12, s.retransmitted);
	EXPECT_FALSE(watch_parse_snmp(SNMP_NAMES "Tcp: 1 200 120000 -1 5 6 7 8 9 10 4711\n", &s));
	EXPECT_FALSE(watch_parse_snmp(SNMP_NAMES, &s));
	EXPECT_FALSE(watch_parse_snmp("", &s));
}

TEST_F(watch, counters_that_began_again_are_counted_from_there)
{
	EXPECT_EQ(3, watch_since(7, 10));
	EXPECT_EQ(0, watch_since(7, 7));
	EXPECT_EQ(2, watch_since(7, 2));
}

/* ---- what is wrong --------------------------------------------------------------------------- */

TEST_F(watch, nothing_is_wrong)
{
	EXPECT_EQ(0, judge(self));
	turn_on(self, NETLINK_TLS_TX);
	turn_on(self, NETLINK_TLS_RX);
	EXPECT_EQ(0, judge(self));
	one_offloaded(self);
	tls(self, "TlsTxSw", 100);
	device(self, "tx_tls_encrypted_packets", 100000);
	EXPECT_EQ(0, judge(self));
}

TEST_F(watch, without_the_module_nothing_else_is_said)
{
	tls(self, "TlsDecryptError", 1);
	self->now.module = false;
	expect_one(self, WATCH_NO_MODULE, "ktls-setup prepare");
}

TEST_F(watch, one_record_that_does_not_decrypt_is_wrong)
{
	tls(self, "TlsDecryptError", 1);
	expect_one(self, WATCH_DECRYPT_ERRORS, "1 records did not decrypt");
}

TEST_F(watch, keys_that_were_not_changed_are)
{
	tls(self, "TlsRxRekeyError", 1);
	tls(self, "TlsTxRekeyError", 2);
	expect_one(self, WATCH_REKEY_ERRORS, "3 changes of keys");
}

TEST_F(watch, so_is_decrypting_twice)
{
	tls(self, "TlsDecryptRetry", 4);
	EXPECT_EQ(0, judge(self));
	tls(self, "TlsRxNoPadViolation", 4);
	expect_one(self, WATCH_DECRYPTED_TWICE, "4 records");
}

TEST_F(watch, offload_that_nobody_ever_got)
{
	turn_on(self, NETLINK_TLS_TX);
	tls(self, "TlsTxSw", 1);
	expect_one(self, WATCH_NOT_USED, "tls-hw-tx-offload is on for nic0");
	EXPECT_EQ(NULL, self->found[0].device);
}

TEST_F(watch, offload_that_is_off_needs_not_be_used)
{
	tls(self, "TlsTxSw", 100);
	EXPECT_EQ(0, judge(self));
	turn_on(self, NETLINK_TLS_TX);
	self->devices[1].device.up = false;
	EXPECT_EQ(0, judge(self));
}

TEST_F(watch, offload_that_some_got_before)
{
	turn_on(self, NETLINK_TLS_RX);
	tls(self, "TlsRxDevice", 0);
	tls(self, "TlsRxSw", WATCH_CONNECTIONS_MIN - 1);
	EXPECT_EQ(0, judge(self));
	self->now.tls[1].value++;
	expect_one(self, WATCH_NOT_USED, "none of 5 new connections got a device for receiving");
}

TEST_F(watch, retransmits_eat_the_gain)
{
	turn_on(self, NETLINK_TLS_TX);
	one_offloaded(self);
	self->now.segments = 1000;
	self->now.retransmitted = 19;
	EXPECT_EQ(0, judge(self));
	self->now.retransmitted = 20;
	expect_one(self, WATCH_RETRANSMITS, "2.0 % of TCP's segments");
}

TEST_F(watch, retransmits_count_where_a_device_had_connections)
{
	turn_on(self, NETLINK_TLS_TX);
	tls(self, "TlsTxDevice", 0);
	self->now.segments = 1000;
	self->now.retransmitted = 20;
	EXPECT_EQ(0, judge(self));
	/* It came and went. */
	self->now.tls[0].value++;
	expect_one(self, WATCH_RETRANSMITS, "2.0 % of TCP's segments");
}

TEST_F(watch, retransmits_of_few_segments_or_of_nobodys_say_nothing)
{
	one_offloaded(self);
	self->now.segments = self->now.retransmitted = WATCH_SEGMENTS_MIN;
	EXPECT_EQ(0, judge(self));
	turn_on(self, NETLINK_TLS_TX);
	EXPECT_EQ(1, judge(self));
	self->now.segments--;
	EXPECT_EQ(0, judge(self));
}

TEST_F(watch, resync_storms_of_what_is_received)
{
	device(self, "rx_tls_decrypted_packets", 100);
	device(self, "rx_tls_resync_req_start", WATCH_RESYNC_PER_SECOND - 1);
	EXPECT_EQ(0, judge(self));
	self->counters[1][1].value++;
	expect_one(self, WATCH_RX_RESYNC_STORM, "10 times a second");
	EXPECT_STREQ("nic0", self->found[0].device);
	/* The same among very many packets is what loss costs. */
	self->counters[1][0].value = 1000 + 100 * WATCH_RESYNC_PER_SECOND;
	EXPECT_EQ(0, judge(self));
}

TEST_F(watch, a_storm_that_only_the_kernel_counts)
{
	tls(self, "TlsRxDeviceResync", 2000);
	tls(self, "TlsCurrRxDevice", 0);
	expect_one(self, WATCH_RX_RESYNC_STORM, "2000 times a second");
	device(self, "rx_tls_resync_req_start", 2000);
	expect_one(self, WATCH_RX_RESYNC_STORM, "the device lost its place");
}

TEST_F(watch, what_the_device_was_told_too_late)
{
	device(self, "rx_tls_resync_res_skip", 2);
	expect_one(self, WATCH_RX_RESYNC_SKIPPED, "2 answers");
}

TEST_F(watch, what_failed_in_the_device)
{
	device(self, "rx_tls_err", 3);
	expect_one(self, WATCH_RX_ERRORS, "3 packets");
}

TEST_F(watch, resync_storms_of_what_is_sent)
{
	device(self, "tx_tls_encrypted_packets", 900);
	device(self, "tx_tls_ooo", 100);
	expect_one(self, WATCH_TX_RESYNC_STORM, "100 packets a second");
	self->now.ns = 5 + 20ULL * SECOND;
	EXPECT_EQ(0, judge(self));
}

TEST_F(watch, packets_that_were_dropped)
{
	device(self, "tx_tls_drop_no_sync_data", 1);
	expect_one(self, WATCH_TX_DROPPED, "tx_tls_drop_no_sync_data 1");
}

TEST_F(watch, a_device_that_is_new_or_another_is_not_judged)
{
	device(self, "tx_tls_drop_no_sync_data", 1);
	self->now.only = "nic1";
	EXPECT_EQ(0, judge(self));
	self->now.only = "nic0";
	EXPECT_EQ(1, judge(self));
	self->devices[0].device.index = 6;
	EXPECT_EQ(0, judge(self));
}

TEST_F(watch, every_trouble_has_a_name)
{
	for (int i = 0; i < WATCH_TROUBLES; i++)
		EXPECT_TRUE(watch_trouble_name((enum watch_trouble)i));
}

/* ---- what is printed ------------------------------------------------------------------------- */

TEST_F(watch, json_is_one_line_with_everything)
{
	char *line;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	ASSERT_TRUE(out);
	tls(self, "TlsTxSw", 3);
	device(self, "tx_tls_drop_no_sync_data", 1);
	watch_json(&self->before, &self->now, out);
	fclose(out);
	EXPECT_EQ(line + len - 1, strchr(line, '\n'));
	EXPECT_TRUE(strstr(line, "\"TlsTxSw\": { \"value\": 1003, \"since\": 3 }"));
	EXPECT_TRUE(
		strstr(line, "\"tx_tls_drop_no_sync_data\": { \"value\": 1001, \"since\": 1 }"));
	EXPECT_TRUE(strstr(line, "\"trouble\": \"TX_DROPPED\", \"device\": \"nic0\""));
	free(line);
}

TEST_F(watch, text_has_rates_and_what_is_wrong)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	ASSERT_TRUE(out);
	self->now.ns = 5 + 2ULL * SECOND;
	tls(self, "TlsTxSw", 3);
	tls(self, "TlsCurrTxSw", 3);
	device(self, "rx_tls_err", 1);
	watch_text(&self->before, &self->now, out);
	fclose(out);
	EXPECT_TRUE(strstr(text,
			   "  TlsTxSw                                     1003          1.5/s\n"));
	EXPECT_TRUE(strstr(text, "  TlsCurrTxSw                                 1003\n"));
	EXPECT_TRUE(strstr(text, "\nwrong:\n  nic0: RX_ERRORS: "));
	free(text);
}

TEST_HARNESS_MAIN
