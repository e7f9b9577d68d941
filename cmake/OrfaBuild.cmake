# SPDX-License-Identifier: MIT
# Compiler settings and the two helpers every folder uses: orfa_library() and orfa_test().
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_package(Threads REQUIRED)
find_program(ORFA_CCACHE ccache)
if(ORFA_CCACHE)
  # Without this, ccache passes over files with precompiled headers.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${ORFA_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()

set(ORFA_SANITIZE "" CACHE STRING "Sanitizers of the whole build: address,undefined | thread")
option(ORFA_FUZZ "Build the fuzz targets (clang)" OFF)
if(ORFA_SANITIZE)
  add_compile_options(-fsanitize=${ORFA_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ORFA_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang AND ORFA_SANITIZE MATCHES undefined)
    # clang 14 cannot put this check into coroutines ("Cannot represent a difference across sections").
    add_compile_options(-fno-sanitize=function)
  endif()
endif()
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Werror -fvisibility=hidden)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wthread-safety>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND ORFA_SANITIZE)
  # gcc 12 warns of uninitialised memory inside its own headers under sanitizers.
  add_compile_options(-Wno-maybe-uninitialized)
endif()

# orfa_library(name SOURCES ... HEADERS ... DEPS ...): a static library of one folder; its headers are
# checked to be self-contained (target all_verify_interface_header_sets).
function(orfa_library name)
  cmake_parse_arguments(A "" "" "SOURCES;HEADERS;DEPS" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${A_DEPS})
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${A_HEADERS})
endfunction()

# orfa_test(name LABELS ... SOURCES ... DEPS ... [TIMEOUT seconds]): a GoogleTest program whose cases
# are ctest cases named <first label>.<Suite>.<Case>, each bounded in time.
function(orfa_test name)
  cmake_parse_arguments(A "" "TIMEOUT" "LABELS;SOURCES;DEPS" ${ARGN})
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 60)
    if(ORFA_SANITIZE)
      set(A_TIMEOUT 240)
    endif()
  endif()
  list(GET A_LABELS 0 label)
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPS} GTest::gtest_main GTest::gmock)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  gtest_discover_tests(${name} TEST_PREFIX ${label}. DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${A_LABELS}" TIMEOUT ${A_TIMEOUT})
endfunction()
