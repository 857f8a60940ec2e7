# SPDX-License-Identifier: Apache-2.0

# An overlay port that packages the source tree it stands in:
#
#   vcpkg install "joust[format]" --overlay-ports=cmake/packaging/vcpkg

set(VCPKG_BUILD_TYPE release)  # headers are the same in debug
cmake_path(SET SOURCE_PATH NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../../../..")

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DJOUST_BUILD_TESTS=OFF
        -DJOUST_BUILD_EXAMPLES=OFF
        -DJOUST_INSTALL=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME joust CONFIG_PATH share/cmake/joust)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
