cmake_minimum_required(VERSION 3.18)

# At build time: see headers.cmake. Headers include each other as "room/noun.h"; installed, they
# are <ebjr/room/noun.h>, so that one directory of include files serves and takes one name only.

# What a header declares: the names before a parenthesis, and extern data.
function(declared_in out header)
    file(READ ${source}/${header} text)
    string(REGEX REPLACE "/\\*([^*]|\\*+[^*/])*\\*+/" "" text "${text}")
    string(REGEX REPLACE "static inline [a-z0-9_ *]*\\(" "" text "${text}")
    string(REGEX MATCHALL "ebjr_[a-z0-9_]+\\(|extern const [a-z0-9_ *]+" names "${text}")
    list(TRANSFORM names REPLACE "^.*(ebjr_[a-z0-9_]+)\\(?$" "\\1")
    set(${out} ${names} PARENT_SCOPE)
endfunction()

function(install_header header from)
    file(READ ${from} text)
    string(REGEX REPLACE "\n#include \"([a-z_]+/[a-z0-9_]+\\.h)\"" "\n#include <ebjr/\\1>" text
        "${text}")
    file(WRITE ${script}.new "${text}")
    configure_file(${script}.new ${include}/${header} COPYONLY)
endfunction()

# "    NAME { global: ...; };"
function(write_node node)
    list(SORT ARGN)
    list(REMOVE_DUPLICATES ARGN)
    list(JOIN ARGN ";\n        " names)
    file(APPEND ${script}.new "${node} {\n    global:\n        ${names};\n")
endfunction()

set(public_names)
set(private_names)
file(REMOVE_RECURSE ${include})
install_header(version.h ${version_header})
foreach(header IN LISTS all)
    declared_in(names ${header})
    file(STRINGS ${source}/${header} for_c REGEX "^extern \"C\"" LIMIT_COUNT 1)
    if(header IN_LIST public)
        install_header(${header} ${source}/${header})
        list(APPEND public_names ${names})
    elseif(for_c)
        list(APPEND private_names ${names})
    endif()
endforeach()
list(REMOVE_ITEM private_names ${public_names})

file(WRITE ${script}.new "")
write_node(EBJR_0 ${public_names})
file(APPEND ${script}.new "    local:\n        *;\n};\n")
write_node(EBJR_PRIVATE_${version} ${private_names})
file(APPEND ${script}.new "};\n")
file(RENAME ${script}.new ${script})
