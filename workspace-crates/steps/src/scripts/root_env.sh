# Read by compile.sh and shell.sh before cargo or a shell starts: shows ROOT to the compilers that build scripts start
# themselves, and tells crates that bundle a library that ROOT has it.
#
# TIERCE_SWITCHES has a line for each variable: a file below the folder of ROOT's libraries, then VARIABLE=VALUE.
root_lib=/destination/usr/lib64 root_include=/destination/usr/include

# `cc -lz` of gcc and clang; cmake's find_library and find_package; the configure scripts of autotools. rpath-link finds the
# libraries of libraries.
export LIBRARY_PATH="$root_lib${LIBRARY_PATH:+:$LIBRARY_PATH}"
export CMAKE_PREFIX_PATH="/destination/usr${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}"
export CMAKE_LIBRARY_PATH="$root_lib${CMAKE_LIBRARY_PATH:+:$CMAKE_LIBRARY_PATH}"
export LDFLAGS="-L$root_lib -Wl,-rpath-link,$root_lib${LDFLAGS:+ $LDFLAGS}"
# libc's own headers in this place would hide those of the C++ library.
if [ ! -e "$root_include/stdlib.h" ]; then
    export C_INCLUDE_PATH="$root_include${C_INCLUDE_PATH:+:$C_INCLUDE_PATH}"
    export CPLUS_INCLUDE_PATH="$root_include${CPLUS_INCLUDE_PATH:+:$CPLUS_INCLUDE_PATH}"
fi

while read -r root_file root_variable; do
    if [ -n "$root_file" ] && [ -e "$root_lib/$root_file" ]; then export "${root_variable?}"; fi
done <<SWITCHES
${TIERCE_SWITCHES-}
SWITCHES
unset TIERCE_SWITCHES root_lib root_include root_file root_variable
