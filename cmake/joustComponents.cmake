# SPDX-License-Identifier: Apache-2.0

# The optional parts of joust, each a target that exists only where its dependency was found. Read both by joust's own
# build and by its installed package.

function(joust_component name dependency)
    if(TARGET ${dependency} AND NOT TARGET joust::${name})
        add_library(joust::${name} INTERFACE IMPORTED ${joust_component_scope})
        target_link_libraries(joust::${name} INTERFACE joust::joust ${dependency})
    endif()
endfunction()

joust_component(format fmt::fmt-header-only)
joust_component(eigen Eigen3::Eigen)
joust_component(distributions Boost::headers)
joust_component(json nlohmann_json::nlohmann_json)
joust_component(catch2 Catch2::Catch2)
