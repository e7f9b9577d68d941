# SPDX-License-Identifier: MIT
# Runs every benchmark of PROGRAM for a moment; one that reports an error (SkipWithError) fails the test, which the
# program's own exit code does not tell.
execute_process(COMMAND ${PROGRAM} --benchmark_min_time=0.001 --benchmark_format=json
                OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "exit code ${code}\n${output}${errors}")
endif()
if(output MATCHES "\"error_message\": \"[^\"]*\"")
  message(FATAL_ERROR "${CMAKE_MATCH_0}\n${output}")
endif()
string(JSON count LENGTH ${output} benchmarks)
if(count LESS 20)
  message(FATAL_ERROR "only ${count} benchmarks ran")
endif()
