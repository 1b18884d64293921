# What `cmake --install` puts where. Everything finds everything else from where it is itself, so
# that an installed tree may be moved: the program the library by its run path, the library its
# backend beside itself, the packages for CMake and pkg-config their prefix.
#
# Components, which are the Debian packages: libebjr0 the library, ebjr-torch the backend, ebjr the
# program and what belongs to it, libebjr-dev what is needed to build against the library.
option(EBJR_DEBIAN "Install as Debian packages want it: compressed pages, no run paths" OFF)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(ebjr PROPERTIES VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR})
file(RELATIVE_PATH to_library /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
if(NOT EBJR_DEBIAN)
    set_target_properties(ebjr-program PROPERTIES INSTALL_RPATH "$ORIGIN/${to_library}")
endif()

install(TARGETS ebjr EXPORT ebjr
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        COMPONENT libebjr0 NAMELINK_COMPONENT libebjr-dev
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ebjr-program RUNTIME COMPONENT ebjr)
if(EBJR_TORCH)
    if(NOT EBJR_DEBIAN)
        set_target_properties(ebjr-torch PROPERTIES INSTALL_RPATH "$ORIGIN/..")
    endif()
    install(TARGETS ebjr-torch
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/ebjr COMPONENT ebjr-torch)
endif()

install(DIRECTORY ${include_tree}/ebjr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT libebjr-dev)
set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/ebjr)
configure_package_config_file(cmake/ebjr-config.cmake.in ebjr-config.cmake
    INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(ebjr-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ebjr-config.cmake
    ${PROJECT_BINARY_DIR}/ebjr-config-version.cmake
    DESTINATION ${package_directory} COMPONENT libebjr-dev)
install(EXPORT ebjr NAMESPACE ebjr:: FILE ebjr-targets.cmake DESTINATION ${package_directory}
    COMPONENT libebjr-dev)

# pkg-config leaves out what compilers search anyway, if it can see that
if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
    set(pc_prefix /usr)
else()
    file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    string(REGEX REPLACE "^(.*[^/])/?$" "\${pcfiledir}/\\1" pc_prefix "${pc_prefix}")
endif()
configure_file(cmake/ebjr.pc.in ebjr.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ebjr.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT libebjr-dev)

install(DIRECTORY bench/baselines DESTINATION ${CMAKE_INSTALL_DATADIR}/ebjr COMPONENT ebjr)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DATADIR}/ebjr COMPONENT ebjr
    PATTERN __pycache__ EXCLUDE PATTERN *.log EXCLUDE PATTERN *.png EXCLUDE)
install(FILES README.md RELIABILITY.md TYPE DOC COMPONENT ebjr)
if(NOT EBJR_DEBIAN) # whose packages have these in a form of their own
    install(FILES LICENSE CHANGELOG.md TYPE DOC COMPONENT ebjr)
endif()

# man pages of commands say what --help says
set(policy_page man/ebjr-policy.5)
if(EBJR_DEBIAN)
    set(policy_page ${PROJECT_BINARY_DIR}/ebjr-policy.5.gz)
    execute_process(COMMAND gzip -9nc ${PROJECT_SOURCE_DIR}/man/ebjr-policy.5
        OUTPUT_FILE ${policy_page} COMMAND_ERROR_IS_FATAL ANY)
endif()
install(FILES ${policy_page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT ebjr)
if(NOT CMAKE_CROSSCOMPILING)
    set(man_made ${PROJECT_BINARY_DIR}/man.made)
    add_custom_command(OUTPUT ${man_made}
        COMMAND ${PROJECT_SOURCE_DIR}/cmake/man.sh $<TARGET_FILE:ebjr-program> ${PROJECT_VERSION}
            ${PROJECT_BINARY_DIR}/man $<$<BOOL:${EBJR_DEBIAN}>:compressed>
        COMMAND ${CMAKE_COMMAND} -E touch ${man_made}
        DEPENDS ebjr-program cmake/man.sh cmake/man.awk
        COMMENT "Man pages"
        VERBATIM)
    add_custom_target(ebjr-man ALL DEPENDS ${man_made})
    install(DIRECTORY ${PROJECT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
        COMPONENT ebjr)
endif()

set(zsh_folder $<IF:$<BOOL:${EBJR_DEBIAN}>,vendor-completions,site-functions>)
install(FILES cli/completion/ebjr.bash RENAME ebjr COMPONENT ebjr
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES cli/completion/_ebjr COMPONENT ebjr
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${zsh_folder})
install(FILES cli/completion/ebjr.fish COMPONENT ebjr
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
