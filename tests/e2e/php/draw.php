<?php
// Draws a picture and writes it in each format, into the folder that is the first argument, with text in the font that is the
// second one. What was written is read again, for reading is code of its own.
[, $folder, $font] = $argv;
$picture = imagecreatetruecolor(160, 120);
$color = fn (int $red, int $green, int $blue) => imagecolorallocate($picture, $red, $green, $blue);
imagefilledrectangle($picture, 0, 0, 159, 119, $color(255, 255, 255));
imagefilledrectangle($picture, 0, 0, 79, 59, $color(255, 0, 0));
imagefilledellipse($picture, 120, 30, 40, 40, $color(0, 0, 255));
imagettftext($picture, 40, 0, 10, 110, $color(0, 0, 0), $font, 'gd');

imagepng($picture, "$folder/picture.png");
imagejpeg($picture, "$folder/picture.jpg", 95);
imagewebp($picture, "$folder/picture.webp", IMG_WEBP_LOSSLESS);

$again = [
    'png' => imagecreatefrompng("$folder/picture.png"),
    'jpg' => imagecreatefromjpeg("$folder/picture.jpg"),
    'webp' => imagecreatefromwebp("$folder/picture.webp"),
];
foreach ($again as $format => $read) {
    printf("%s %dx%d %06x\n", $format, imagesx($read), imagesy($read), imagecolorat($read, 120, 30) & 0xfcfcfc);
}
