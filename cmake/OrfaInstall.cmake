# SPDX-License-Identifier: MIT
# What `cmake --install` puts where: the programs, the client library with its header, a pkg-config file
# and a CMake package, and the documents. The tree may be moved as a whole afterwards. The MPI component
# is installed by adio_orfa/, to lib/orfa/openmpi whatever CMAKE_INSTALL_LIBDIR is: the orfa command
# finds it from its own place (client/cli/environment.cpp), as it finds orfa-server.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS orfa_cli orfa-server)
foreach(program orfa-bench-limits orfa-bench-mpi orfa-bench-small)
  if(TARGET ${program})
    install(TARGETS ${program})
  endif()
endforeach()

install(FILES client/cli/completion.bash RENAME orfa
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

# Manual pages, out of --help. A build with sanitizers would make them too, only slower.
find_program(ORFA_HELP2MAN help2man)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
if(ORFA_HELP2MAN AND NOT ORFA_SANITIZE)
  set(script ${PROJECT_SOURCE_DIR}/client/cli/man_pages.py)
  add_custom_command(
    OUTPUT ${PROJECT_BINARY_DIR}/man.stamp
    COMMAND ${CMAKE_COMMAND} -E env SOURCE_DATE_EPOCH=0
            ${Python3_EXECUTABLE} ${script} --help2man ${ORFA_HELP2MAN} --version ${PROJECT_VERSION}
            --output ${PROJECT_BINARY_DIR}/man $<TARGET_FILE:orfa_cli> $<TARGET_FILE:orfa-server>
    COMMAND ${CMAKE_COMMAND} -E touch ${PROJECT_BINARY_DIR}/man.stamp
    DEPENDS ${script} orfa_cli orfa-server
    COMMENT "Making manual pages"
    VERBATIM)
  add_custom_target(orfa_man ALL DEPENDS ${PROJECT_BINARY_DIR}/man.stamp)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
else()
  message(STATUS "No help2man, or sanitizers: no manual pages")
endif()

install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})

if(TARGET orfa_shared)
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/orfa)
  install(TARGETS orfa_shared EXPORT orfa INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT orfa FILE orfa-config.cmake NAMESPACE orfa:: DESTINATION ${package_dir})
  # Before 1.0, a minor version may change the API.
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/orfa-config-version.cmake
                                   COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/orfa-config-version.cmake DESTINATION ${package_dir})

  # From lib/pkgconfig (or lib/<architecture>/pkgconfig) up to the prefix.
  file(RELATIVE_PATH ORFA_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/orfa.pc.in ${PROJECT_BINARY_DIR}/orfa.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/orfa.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
