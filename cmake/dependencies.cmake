# SPDX-License-Identifier: Apache-2.0

# Finds what joust's optional parts and its tests need. The core library needs nothing of this.
#
# Order for each: what the surrounding project already has, an installed package, and, only where
# JOUST_FETCH_DEPS is on, the pinned source. Missing ones are quiet here; joust_require() names them.

include(FetchContent)

set(joust_apt_Catch2 catch2)
set(joust_apt_Eigen3 libeigen3-dev)
set(joust_apt_fmt libfmt-dev)
set(joust_apt_Boost libboost-dev)
set(joust_apt_nlohmann_json nlohmann-json3-dev)
set(joust_apt_benchmark libbenchmark-dev)

set(joust_target_Catch2 Catch2::Catch2)
set(joust_target_Eigen3 Eigen3::Eigen)
set(joust_target_fmt fmt::fmt-header-only)
set(joust_target_Boost Boost::headers)
set(joust_target_nlohmann_json nlohmann_json::nlohmann_json)
set(joust_target_benchmark benchmark::benchmark)
set(joust_target_spdlog spdlog::spdlog)

# A package found inside joust is visible to the project around it as well.
macro(joust_find name)
    if(NOT TARGET ${joust_target_${name}})
        find_package(${name} ${ARGN} QUIET)
        if(TARGET ${joust_target_${name}})
            get_target_property(joust_is_imported ${joust_target_${name}} IMPORTED)
            get_target_property(joust_is_global ${joust_target_${name}} IMPORTED_GLOBAL)
            if(joust_is_imported AND NOT joust_is_global)
                set_target_properties(${joust_target_${name}} PROPERTIES IMPORTED_GLOBAL TRUE)
            endif()
        endif()
    endif()
endmacro()

# Makes an imported header-only target of a fetched source tree, so that its own build files stay out.
function(joust_fetch_headers name target subfolder)
    FetchContent_Declare(joust_${name} ${ARGN} SOURCE_SUBDIR joust-does-not-build-it)
    FetchContent_MakeAvailable(joust_${name})
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${target} INTERFACE "${joust_${name}_SOURCE_DIR}${subfolder}")
endfunction()

# Lets the headers of a fetched library count as the system's, so that joust's strict warnings pass them over.
function(joust_as_system target)
    get_target_property(actual ${target} ALIASED_TARGET)
    if(NOT actual)
        set(actual ${target})
    endif()
    get_target_property(folders ${actual} INTERFACE_INCLUDE_DIRECTORIES)
    set_property(TARGET ${actual} APPEND PROPERTY INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${folders})
endfunction()

if(JOUST_BUILD_TESTS OR JOUST_BUILD_FUZZERS)
    joust_find(Catch2 3)
    joust_find(Catch2 2.13)
endif()
joust_find(Eigen3 3.4)
joust_find(fmt)
joust_find(Boost 1.74)
joust_find(nlohmann_json 3.11)
joust_find(spdlog)
if(JOUST_BUILD_BENCHMARKS)
    joust_find(benchmark)
endif()

if(JOUST_FETCH_DEPS)
    if(JOUST_BUILD_TESTS AND NOT TARGET Catch2::Catch2)
        FetchContent_Declare(joust_catch2
            GIT_REPOSITORY https://github.com/catchorg/Catch2.git GIT_TAG v3.7.1 GIT_SHALLOW TRUE)
        FetchContent_MakeAvailable(joust_catch2)
        joust_as_system(Catch2::Catch2)
    endif()
    if(NOT TARGET Eigen3::Eigen)
        joust_fetch_headers(eigen Eigen3::Eigen ""
            GIT_REPOSITORY https://gitlab.com/libeigen/eigen.git GIT_TAG 3.4.0 GIT_SHALLOW TRUE)
    endif()
    if(NOT TARGET fmt::fmt-header-only)
        joust_fetch_headers(fmt fmt::fmt-header-only /include
            GIT_REPOSITORY https://github.com/fmtlib/fmt.git GIT_TAG 11.0.2 GIT_SHALLOW TRUE)
        target_compile_definitions(fmt::fmt-header-only INTERFACE FMT_HEADER_ONLY=1)
    endif()
    if(NOT TARGET Boost::headers)
        joust_fetch_headers(boost_math Boost::headers /include
            GIT_REPOSITORY https://github.com/boostorg/math.git GIT_TAG boost-1.84.0 GIT_SHALLOW TRUE)
        FetchContent_Declare(joust_boost_multiprecision
            GIT_REPOSITORY https://github.com/boostorg/multiprecision.git GIT_TAG boost-1.84.0 GIT_SHALLOW TRUE
            SOURCE_SUBDIR joust-does-not-build-it)
        FetchContent_MakeAvailable(joust_boost_multiprecision)  # exact sums in joust's own tests
        target_include_directories(Boost::headers INTERFACE ${joust_boost_multiprecision_SOURCE_DIR}/include)
        target_compile_definitions(Boost::headers INTERFACE BOOST_MATH_STANDALONE=1 BOOST_MP_STANDALONE=1)
    endif()
    if(NOT TARGET nlohmann_json::nlohmann_json)
        joust_fetch_headers(nlohmann_json nlohmann_json::nlohmann_json /include
            GIT_REPOSITORY https://github.com/nlohmann/json.git GIT_TAG v3.11.3 GIT_SHALLOW TRUE)
    endif()
    if(JOUST_BUILD_BENCHMARKS AND NOT TARGET benchmark::benchmark)
        set(BENCHMARK_ENABLE_TESTING OFF)
        set(BENCHMARK_ENABLE_INSTALL OFF)
        FetchContent_Declare(joust_benchmark
            GIT_REPOSITORY https://github.com/google/benchmark.git GIT_TAG v1.9.0 GIT_SHALLOW TRUE)
        FetchContent_MakeAvailable(joust_benchmark)
        joust_as_system(benchmark::benchmark)
    endif()
endif()

# Stops, naming all that is missing and the line that installs it.
function(joust_require purpose)
    set(missing "")
    set(packages "")
    foreach(name IN LISTS ARGN)
        if(NOT TARGET ${joust_target_${name}})
            list(APPEND missing ${name})
            list(APPEND packages ${joust_apt_${name}})
        endif()
    endforeach()
    if(missing)
        list(JOIN missing ", " missing)
        list(JOIN packages " " packages)
        message(FATAL_ERROR "joust: ${purpose} need ${missing}.\n"
            "On Debian and Ubuntu: apt-get install --no-install-recommends ${packages}\n"
            "With internet access and no apt: -DJOUST_FETCH_DEPS=ON")
    endif()
endfunction()
