# Describes the path that find.sh has found, and the process with the root directory `$1`.
if [ -d "$root$at" ]; then
    echo folder
elif [ -e "$root$at" ] || [ -L "$root$at" ]; then
    echo file
elif [ -d "$root${at%/*}" ]; then
    echo new
else
    echo nowhere
fi | frame kind
printf %s "$at" | frame place
frame status <"${root%/root}/status"
