# Tells what stands where find.sh has led, and who the process is whose root directory `$1` is.
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
