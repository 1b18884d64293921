# Debian packages, by `cpack -G DEB` (script/package does it all): the components of install.cmake,
# a package each. What they depend on dpkg-shlibdeps tells; libtorch is a matter of ebjr-torch.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ebjr)
set(CPACK_PACKAGE_CONTACT "The ebjr authors <ebjr@ebjr.example>" CACHE STRING
    "Who makes the packages")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
    GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE https://arxiv.org/abs/2110.10343)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
set(same_version "(= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")

# debian_package(NAME SECTION DESCRIPTION [DEPENDS ...] [RECOMMENDS ...] [SUGGESTS ...])
macro(debian_package name section description)
    cmake_parse_arguments(PACKAGE "" "DEPENDS;RECOMMENDS;SUGGESTS" "" ${ARGN})
    string(TOUPPER ${name} component)
    set(CPACK_DEBIAN_${component}_PACKAGE_NAME ${name})
    set(CPACK_DEBIAN_${component}_PACKAGE_SECTION ${section})
    set(CPACK_COMPONENT_${component}_DESCRIPTION ${description})
    foreach(relation DEPENDS RECOMMENDS SUGGESTS)
        set(CPACK_DEBIAN_${component}_PACKAGE_${relation} ${PACKAGE_${relation}})
    endforeach()
endmacro()

set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own, the first line of these
set(about "A small student model answers what it is sure of, a router compares a score
of its output with a threshold, and the rest goes to a large teacher. ebjr
runs both once, keeps every logit in SQLite, and answers from there: which
threshold, what accuracy, what cost, what latency, how sure.
.
This package contains")
debian_package(ebjr science "threshold calibration and benchmarking of model cascades
${about} the program, examples and published baselines."
    DEPENDS "libebjr0 ${same_version}" RECOMMENDS "ebjr-torch, gnuplot-nox | gnuplot"
    SUGGESTS python3-torch)
debian_package(ebjr-torch science "calibration of model cascades: execution by libtorch
${about} the backend that runs TorchScript models;
without it, stored and imported outputs are worked on."
    DEPENDS "libebjr0 ${same_version}" RECOMMENDS "libopenblas0-pthread | libopenblas0")
debian_package(libebjr0 libs "calibration of model cascades: library
${about} the shared library."
    RECOMMENDS ebjr-torch)
debian_package(libebjr-dev libdevel "calibration of model cascades: headers
${about} what programs in C and C++ are built with
against libebjr."
    DEPENDS "libebjr0 ${same_version}" SUGGESTS "pkg-config, cmake")
configure_file(cmake/debian/shlibs.in debian/shlibs @ONLY)
set(CPACK_DEBIAN_LIBEBJR0_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers
    ${PROJECT_BINARY_DIR}/debian/shlibs)
set(CPACK_COMPONENTS_ALL ebjr libebjr0 libebjr-dev)
if(EBJR_TORCH)
    list(APPEND CPACK_COMPONENTS_ALL ebjr-torch)
endif()

# what each package has of its own in /usr/share/doc
if(EBJR_DEBIAN)
    set(documents ${PROJECT_BINARY_DIR}/debian)
    string(TIMESTAMP now "%s" UTC)
    if(DEFINED ENV{SOURCE_DATE_EPOCH})
        set(now $ENV{SOURCE_DATE_EPOCH})
    endif()
    execute_process(COMMAND date -R -u -d @${now} OUTPUT_VARIABLE date
        OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    file(STRINGS LICENSE license)
    list(SUBLIST license 4 -1 license)
    list(TRANSFORM license PREPEND " ")
    list(TRANSFORM license REPLACE "^ $" " .")
    list(JOIN license "\n" license)
    configure_file(cmake/debian/copyright.in ${documents}/copyright @ONLY)
    configure_file(cmake/debian/changelog.in ${documents}/changelog.Debian @ONLY)
    configure_file(CHANGELOG.md ${documents}/changelog COPYONLY)
    execute_process(COMMAND gzip -9nkf changelog changelog.Debian WORKING_DIRECTORY ${documents}
        COMMAND_ERROR_IS_FATAL ANY)
    foreach(package IN LISTS CPACK_COMPONENTS_ALL)
        install(FILES ${documents}/copyright ${documents}/changelog.gz
            ${documents}/changelog.Debian.gz
            DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${package})
    endforeach()
endif()

include(CPack)
