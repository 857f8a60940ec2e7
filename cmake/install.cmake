# Install rules: headers, the CMake package and the pkg-config file. Nothing is compiled, so nothing depends on the machine.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(joust_cmake_dir ${CMAKE_INSTALL_DATADIR}/cmake/joust)
set(joust_pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/joust DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.hpp")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(TARGETS joust EXPORT joustTargets)
install(EXPORT joustTargets NAMESPACE joust:: DESTINATION ${joust_cmake_dir})

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
    DESTINATION ${joust_cmake_dir})

# The prefix stays relative to the .pc file, so that an installed tree can be moved.
file(RELATIVE_PATH joust_pc_prefix
    ${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" joust_pc_prefix "${joust_pc_prefix}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/joust.pc.in ${PROJECT_BINARY_DIR}/joust.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/joust.pc DESTINATION ${joust_pkgconfig_dir})
