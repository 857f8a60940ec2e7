# SPDX-License-Identifier: Apache-2.0

# The optional parts of joust, each a target that exists only where its dependency was found. Read both by joust's own
# build and by its installed package.

function(joust_component name dependency)
    if(TARGET ${dependency} AND NOT TARGET joust::${name})
        add_library(joust::${name} INTERFACE IMPORTED ${joust_component_scope})
        target_link_libraries(joust::${name} INTERFACE joust::joust ${dependency})
    endif()
endfunction()

# Libraries whose own packages make no target, or not on every system: a header, and a library beside it.
function(joust_library target header library)
    if(TARGET ${target})
        return()
    endif()
    string(MAKE_C_IDENTIFIER "JOUST_${library}" name)
    find_path(${name}_INCLUDE_DIR NAMES ${header} ${ARGN})
    find_library(${name}_LIBRARY NAMES ${library})
    mark_as_advanced(${name}_INCLUDE_DIR ${name}_LIBRARY)
    if(${name}_INCLUDE_DIR AND ${name}_LIBRARY)
        add_library(${target} INTERFACE IMPORTED ${joust_component_scope})
        set_target_properties(${target} PROPERTIES
            INTERFACE_INCLUDE_DIRECTORIES "${${name}_INCLUDE_DIR}" INTERFACE_LINK_LIBRARIES "${${name}_LIBRARY}")
    endif()
endfunction()

joust_library(joust::hiredis hiredis/hiredis.h hiredis)
joust_library(joust::libpq libpq-fe.h pq PATH_SUFFIXES postgresql)
joust_library(joust::prometheus_core prometheus/collectable.h prometheus-cpp-core)
# An export of spdlog states how it was built, such as with which fmt, so that its own target is the one to link.

joust_component(format fmt::fmt-header-only)
joust_component(eigen Eigen3::Eigen)
joust_component(distributions Boost::headers)
joust_component(json nlohmann_json::nlohmann_json)
joust_component(catch2 Catch2::Catch2)
joust_component(redis joust::hiredis)
joust_component(postgres joust::libpq)
joust_component(prometheus joust::prometheus_core)
joust_component(spdlog spdlog::spdlog)
