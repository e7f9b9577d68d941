/* SPDX-License-Identifier: MIT */
/* MPI_File_get_info() tells what is in force: the layout asked for at creation, at every later open
 * too, whatever a later hint says; and hints that make no sense do no harm. */
#include "mpiio_test.h"

static int value_of(MPI_File file, const char* key, char* value) {
    MPI_Info info;
    int found = 0;

    OK(MPI_File_get_info(file, &info));
    MPI_Info_get(info, key, MPI_MAX_INFO_VAL, value, &found);
    MPI_Info_free(&info);
    return found;
}

static void expect(int line, MPI_File file, const char* key, const char* expected) {
    char value[MPI_MAX_INFO_VAL + 1], text[3 * MPI_MAX_INFO_VAL];

    if (!value_of(file, key, value)) strcpy(value, "(not there)");
    if (strcmp(value, expected) == 0) return;
    snprintf(text, sizeof(text), "%s is %s, not %s", key, value, expected);
    test_fail(__FILE__, line, "hint", text);
}

static void layout_is(int line, MPI_File file, const char* factor, const char* unit,
                      const char* first) {
    expect(line, file, "striping_factor", factor);
    expect(line, file, "striping_unit", unit);
    expect(line, file, "start_iodevice", first);
}

static MPI_Info info_of(const char* factor, const char* unit, const char* first) {
    MPI_Info info;

    MPI_Info_create(&info);
    MPI_Info_set(info, "striping_factor", factor);
    MPI_Info_set(info, "striping_unit", unit);
    MPI_Info_set(info, "start_iodevice", first);
    return info;
}

static void created_as_asked(void) {
    MPI_Info wish = info_of("2", "131072", "1"), other = info_of("1", "65536", "0");
    char value[MPI_MAX_INFO_VAL + 1];
    MPI_File file;

    MPI_Info_set(wish, "cb_buffer_size", "8388608");
    MPI_Info_set(wish, "no_such_hint", "17");
    file = test_create(wish);
    layout_is(__LINE__, file, "2", "131072", "1");
    expect(__LINE__, file, "cb_buffer_size", "8388608");
    expect(__LINE__, file, "romio_cb_read", "automatic");
    CHECK(!value_of(file, "no_such_hint", value));
    OK(MPI_File_set_info(file, other)); /* too late: not followed, and not reported as followed */
    CHECK(!value_of(file, "striping_unit", value) || strcmp(value, "131072") == 0);
    OK(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "native", other));
    layout_is(__LINE__, file, "2", "131072", "1");
    OK(MPI_File_close(&file));

    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_RDONLY, MPI_INFO_NULL, &file));
    layout_is(__LINE__, file, "2", "131072", "1");
    OK(MPI_File_close(&file));
    OK(MPI_File_open(MPI_COMM_WORLD, test_file, MPI_MODE_CREATE | MPI_MODE_RDWR, other, &file));
    layout_is(__LINE__, file, "2", "131072", "1");
    MPI_Info_set(other, "ind_rd_buffer_size", "12345");
    OK(MPI_File_set_info(file, other));
    expect(__LINE__, file, "ind_rd_buffer_size", "12345");
    OK(MPI_File_close(&file));
    MPI_Info_free(&wish);
    MPI_Info_free(&other);
}

/* Those of collective calls: ORFA's own, and ROMIO's. */
static void collective(void) {
    MPI_Info wish = info_of("4", "65536", "0");
    char value[MPI_MAX_INFO_VAL + 1];
    MPI_File file = test_create(wish);

    expect(__LINE__, file, "orfa_collective", "auto");
    CHECK(value_of(file, "cb_nodes", value) && atoi(value) >= 1 && atoi(value) <= test_ranks);
    expect(__LINE__, file, "orfa_run_ahead", "255");
    expect(__LINE__, file, "orfa_run_ahead_size", "131072");
    OK(MPI_File_close(&file));
    MPI_Info_set(wish, "orfa_collective", "TwoPhase");
    MPI_Info_set(wish, "romio_cb_write", "disable");
    MPI_Info_set(wish, "cb_nodes", "1");
    MPI_Info_set(wish, "cb_buffer_size", "65536");
    MPI_Info_set(wish, "orfa_run_ahead", "7");
    MPI_Info_set(wish, "orfa_run_ahead_size", "1048576");
    file = test_create(wish);
    expect(__LINE__, file, "orfa_collective", "twophase");
    expect(__LINE__, file, "romio_cb_write", "disable");
    expect(__LINE__, file, "cb_nodes", "1");
    expect(__LINE__, file, "cb_buffer_size", "65536");
    expect(__LINE__, file, "orfa_run_ahead", "7");
    expect(__LINE__, file, "orfa_run_ahead_size", "1048576");
    MPI_Info_set(wish, "orfa_collective", "sideways");
    MPI_Info_set(wish, "orfa_run_ahead", "256");
    MPI_Info_set(wish, "cb_nodes", "0");
    MPI_Info_set(wish, "cb_buffer_size", "64k");
    OK(MPI_File_set_view(file, 0, MPI_INT, MPI_INT, "native", wish));
    expect(__LINE__, file, "orfa_collective", "twophase");
    expect(__LINE__, file, "cb_nodes", "1");
    expect(__LINE__, file, "cb_buffer_size", "65536");
    expect(__LINE__, file, "orfa_run_ahead", "7");
    MPI_Info_set(wish, "orfa_collective", "independent");
    OK(MPI_File_set_info(file, wish));
    expect(__LINE__, file, "orfa_collective", "independent");
    test_close_and_remove(&file);
    MPI_Info_free(&wish);
}

static void nonsense(const char* factor, const char* unit, const char* first) {
    MPI_Info wish = info_of(factor, unit, first);
    char value[MPI_MAX_INFO_VAL + 1];
    int number = 0;

    MPI_Info_set(wish, "cb_buffer_size", "much");
    MPI_Info_set(wish, "cb_nodes", "-7");
    MPI_Info_set(wish, "romio_cb_pfr", "enable");
    MPI_Info_set(wish, "cb_config_list", "no.such.host:3");
    MPI_File file = test_create(wish);
    CHECK(value_of(file, "striping_factor", value) && atoi(value) > 0);
    CHECK(value_of(file, "striping_unit", value) && atoi(value) > 0 && atoi(value) % 4096 == 0);
    CHECK(value_of(file, "start_iodevice", value) && atoi(value) >= 0);
    expect(__LINE__, file, "cb_buffer_size", "16777216");
    OK(MPI_File_write_at_all(file, 4 * test_rank, &test_rank, 1, MPI_INT, MPI_STATUS_IGNORE));
    OK(MPI_File_read_at_all(file, 4 * (test_ranks - 1), &number, 1, MPI_INT, MPI_STATUS_IGNORE));
    CHECK(number == test_ranks - 1);
    test_close_and_remove(&file);
    MPI_Info_free(&wish);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    created_as_asked();
    collective();
    nonsense("many", "1000", "-5");
    nonsense("-3", "4095", "x");
    nonsense("999999", "99999999999999999999", "888888");
    test_remove(test_file);
    return test_end("hints");
}
