# SPDX-License-Identifier: Apache-2.0

# Install rules. Nothing depends on the machine but the compiled library, which is left out unless it is asked for. Components, for `cmake --install build --component NAME`:
#   headers   include/joust
#   cmake     the CMake package and the pkg-config file
#   docs      the licence, the readme and the changelog
#   compiled  the compiled library, with -DJOUST_BUILD_COMPILED=ON
#   cli       the tool joust with its manual page and completion, where the examples are built and CLI11 is installed

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(joust_cmake_dir ${CMAKE_INSTALL_DATADIR}/cmake/joust)
set(joust_pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

install(TARGETS joust EXPORT joustTargets
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}  # stated for CMake before 3.23, which knows no file sets
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT headers)
install(EXPORT joustTargets NAMESPACE joust:: DESTINATION ${joust_cmake_dir} COMPONENT cmake)
if(JOUST_BUILD_COMPILED)
    install(TARGETS joust_compiled EXPORT joustCompiledTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT compiled)
    install(EXPORT joustCompiledTargets NAMESPACE joust::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/joust COMPONENT compiled)
endif()
install(FILES
    ${PROJECT_SOURCE_DIR}/LICENSE
    ${PROJECT_SOURCE_DIR}/README.md
    ${PROJECT_SOURCE_DIR}/CHANGELOG.md
    ${PROJECT_SOURCE_DIR}/CITATION.cff
    DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT docs)

configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/cmake/joustConfig.cmake.in ${PROJECT_BINARY_DIR}/joustConfig.cmake
    INSTALL_DESTINATION ${joust_cmake_dir})
write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/joustConfigVersion.cmake
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
    ${PROJECT_BINARY_DIR}/joustConfig.cmake
    ${PROJECT_BINARY_DIR}/joustConfigVersion.cmake
    ${PROJECT_SOURCE_DIR}/cmake/joustComponents.cmake
    DESTINATION ${joust_cmake_dir} COMPONENT cmake)

# The prefix stays relative to the .pc file, so that an installed tree can be moved.
file(RELATIVE_PATH joust_pc_prefix
    ${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" joust_pc_prefix "${joust_pc_prefix}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/joust.pc.in ${PROJECT_BINARY_DIR}/joust.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/joust.pc DESTINATION ${joust_pkgconfig_dir} COMPONENT cmake)
